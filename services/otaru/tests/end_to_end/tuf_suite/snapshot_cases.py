"""Snapshot and top-level targets: what the timestamp and the snapshot list is what must be there."""

from bench import ENDLESS, PAST, Wrong, case
from timestamp_cases import stranger_signs
from tuf.api.metadata import MetaFile


def advance(b):
    b.sim.targets.version += 1
    b.sim.update_snapshot()


@case
def snapshot_unsigned(b):
    b.sim.signers["snapshot"].clear()
    b.reject(timestamp=1, snapshot=None)


@case
def snapshot_signed_by_a_stranger(b):
    stranger_signs(b, "snapshot")
    b.reject(timestamp=1, snapshot=None)


@case
def snapshot_below_threshold(b):
    b.add_key("snapshot")
    b.sim.root.roles["snapshot"].threshold = 2
    b.publish_root()
    b.sim.signers["snapshot"].popitem()
    b.reject(root=2, snapshot=None)


@case
def snapshot_expired(b):
    b.sim.snapshot.expires = PAST
    b.reject(timestamp=1, snapshot=None)


@case
def snapshot_missing(b):
    b.answer("1.snapshot.json", 404)
    b.reject(timestamp=1, snapshot=None)


@case
def snapshot_of_another_version(b):
    b.sim.timestamp.snapshot_meta.version = 2
    b.reject(timestamp=1, snapshot=None)


@case
def snapshot_rolled_back_with_its_timestamp(b):
    advance(b)
    b.accept(timestamp=2, snapshot=2)
    b.sim.snapshot.version = 1
    b.sim.timestamp.snapshot_meta.version = 1
    b.sim.timestamp.version = 3
    b.reject(timestamp=2, snapshot=2)


@case
def snapshot_rolled_back_where_the_timestamp_was_lost(b):
    b.sim.snapshot.version = 3
    b.sim.update_timestamp()
    b.accept(snapshot=3)
    (b.trusted_dir / "timestamp.json").unlink()
    b.sim.snapshot.version = 2
    b.sim.update_timestamp()
    b.reject(snapshot=3)


@case
def snapshot_recovers_after_fast_forward(b):
    b.sim.snapshot.version = 9999
    b.sim.update_timestamp()
    b.accept(snapshot=9999)
    b.sim.rotate_keys("snapshot")
    b.publish_root()
    b.sim.snapshot.version = 1
    b.sim.update_timestamp()
    b.accept(root=2, snapshot=1)


@case
def snapshot_hash_and_length_right(b):
    b.sim.compute_metafile_hashes_length = True
    b.sim.update_snapshot()
    b.accept(snapshot=2, targets=1)


@case
def snapshot_hash_wrong(b):
    b.sim.compute_metafile_hashes_length = True
    b.sim.update_snapshot()
    b.sim.timestamp.snapshot_meta.hashes = {"sha256": "00" * 32}
    b.reject(timestamp=2, snapshot=None)


@case
def snapshot_longer_than_signed(b):
    b.sim.compute_metafile_hashes_length = True
    b.sim.update_snapshot()
    b.sim.timestamp.snapshot_meta.hashes = None
    b.sim.timestamp.snapshot_meta.length -= 1
    b.reject(timestamp=2, snapshot=None)


@case
def snapshot_endless(b):
    b.answer("1.snapshot.json", ENDLESS)
    b.reject(snapshot=None)


@case
def snapshot_without_targets(b):
    del b.sim.snapshot.meta["targets.json"]
    b.reject(snapshot=None, targets=None)


@case
def entry_of_targets_rolled_back(b):
    advance(b)
    b.accept(targets=2, snapshot=2)
    b.sim.targets.version = 1
    b.sim.update_snapshot()
    b.reject(snapshot=2, targets=2)


@case
def entry_of_a_delegated_role_vanished(b):
    b.sim.snapshot.meta["gone.json"] = MetaFile(1)
    b.accept(snapshot=1)
    del b.sim.snapshot.meta["gone.json"]
    b.sim.snapshot.version += 1
    b.sim.update_timestamp()
    b.reject(snapshot=1)


@case
def targets_recover_after_fast_forward(b):
    b.sim.targets.version = 9999
    b.sim.update_snapshot()
    b.accept(targets=9999)
    b.sim.rotate_keys("snapshot")
    b.publish_root()
    b.sim.targets.version = 1
    b.sim.update_snapshot()
    b.accept(root=2, targets=1)


@case
def mix_and_match(b):
    advance(b)
    old = b.sim.fetch_metadata("targets")
    b.accept(targets=2)
    advance(b)
    b.answer("3.targets.json", old)
    b.reject(snapshot=3, targets=2)


@case
def targets_unsigned(b):
    b.sim.signers["targets"].clear()
    b.reject(snapshot=1, targets=None)


@case
def targets_signed_by_a_stranger(b):
    stranger_signs(b, "targets")
    b.reject(snapshot=1, targets=None)


@case
def targets_below_threshold(b):
    b.add_key("targets")
    b.sim.root.roles["targets"].threshold = 2
    b.publish_root()
    b.sim.signers["targets"].popitem()
    b.reject(targets=None)


@case
def targets_expired(b):
    b.sim.targets.expires = PAST
    b.reject(snapshot=1, targets=None)


@case
def targets_hash_wrong(b):
    b.sim.compute_metafile_hashes_length = True
    b.sim.update_snapshot()
    b.sim.snapshot.meta["targets.json"].hashes = {"sha256": "11" * 32}
    b.sim.compute_metafile_hashes_length = False
    b.sim.update_timestamp()
    b.reject(snapshot=2, targets=None)


@case
def targets_missing(b):
    b.answer("1.targets.json", 404)
    b.reject(snapshot=1, targets=None)


@case
def targets_endless(b):
    b.answer("1.targets.json", ENDLESS)
    b.reject(targets=None)


@case
def targets_key_revoked(b):
    b.accept(targets=1)
    old = dict(b.sim.signers["targets"])
    b.sim.rotate_keys("targets")
    b.publish_root()
    b.sim.signers["targets"] = old
    b.reject(root=2)


@case
def without_consistent_snapshot(b):
    b.sim.root.consistent_snapshot = False
    b.publish_root()
    b.accept(root=2, snapshot=1, targets=1)
    if "/metadata/snapshot.json" not in b.requests:
        raise Wrong("asked for a file with a version")


@case
def files_are_kept_as_they_were_signed(b):
    b.accept(snapshot=1, targets=1)
    for role in ("timestamp", "snapshot", "targets"):
        if (b.trusted_dir / f"{role}.json").read_bytes() != b.sim.fetch_metadata(role):
                raise Wrong(f"{role} has other bytes on disk")


@case
def nothing_new_is_not_fetched_again(b):
    b.accept(snapshot=1)
    b.requests.clear()
    b.accept(snapshot=1)
    if b.requests != ["/metadata/2.root.json", "/metadata/timestamp.json"]:
        raise Wrong(f"asked for {b.requests}")
