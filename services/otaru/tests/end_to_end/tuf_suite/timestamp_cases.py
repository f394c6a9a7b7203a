"""The timestamp: signatures, rollback, freeze, recovery."""

from bench import ENDLESS, PAST, case
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner


def stranger_signs(b, role):
    signer = CryptoSigner.generate_ed25519()
    b.sim.signers[role] = {signer.public_key.keyid: signer}


@case
def unsigned(b):
    b.sim.signers["timestamp"].clear()
    b.reject(root=1, timestamp=None)


@case
def signed_by_a_stranger(b):
    stranger_signs(b, "timestamp")
    b.reject(timestamp=None)


@case
def signed_by_the_snapshots_key(b):
    b.sim.signers["timestamp"] = b.sim.signers["snapshot"]
    b.reject(timestamp=None)


@case
def below_threshold(b):
    b.add_key("timestamp")
    b.sim.root.roles["timestamp"].threshold = 2
    b.publish_root()
    b.sim.signers["timestamp"].popitem()
    b.reject(root=2, timestamp=None)


@case
def one_signature_twice_is_not_two(b):
    b.add_key("timestamp")
    b.sim.root.roles["timestamp"].threshold = 2
    b.publish_root()
    b.sim.signers["timestamp"].popitem()
    timestamp = b.served("timestamp")
    timestamp["signatures"] *= 2
    b.answer("timestamp.json", timestamp)
    b.reject(timestamp=None)


@case
def wrong_signature_beside_enough(b):
    b.add_key("timestamp")
    b.publish_root()
    timestamp = b.served("timestamp")
    timestamp["signatures"][1]["sig"] = timestamp["signatures"][0]["sig"]
    b.answer("timestamp.json", timestamp)
    b.accept(root=2, timestamp=1)


@case
def expired(b):
    b.sim.timestamp.expires = PAST
    b.reject(timestamp=None)


@case
def trusted_one_expired_and_renewed(b):
    b.accept(timestamp=1)
    fine = b.sim.timestamp.expires
    b.sim.timestamp.version, b.sim.timestamp.expires = 2, PAST
    b.reject(timestamp=1)
    b.sim.timestamp.version, b.sim.timestamp.expires = 3, fine
    b.accept(timestamp=3)


@case
def new_version(b):
    b.accept(timestamp=1)
    b.sim.update_timestamp()
    b.accept(timestamp=2)


@case
def rolled_back(b):
    b.sim.timestamp.version = 3
    b.accept(timestamp=3)
    b.sim.timestamp.version = 2
    b.reject(timestamp=3)


@case
def same_version_says_something_else(b):
    b.accept(timestamp=1, snapshot=1)
    b.sim.snapshot.version = 2
    b.sim.timestamp.snapshot_meta.version = 2
    b.accept(timestamp=1, snapshot=1)


@case
def snapshot_entry_rolled_back(b):
    b.sim.snapshot.version = 2
    b.sim.update_timestamp()
    b.accept(timestamp=2, snapshot=2)
    b.sim.snapshot.version = 1
    b.sim.update_timestamp()
    b.reject(timestamp=2, snapshot=2)


@case
def recovery_after_fast_forward(b):
    b.sim.timestamp.version = 99999
    b.accept(timestamp=99999)
    b.sim.rotate_keys("timestamp")
    b.publish_root()
    b.sim.timestamp.version = 1
    b.accept(root=2, timestamp=1)


@case
def recovery_when_a_key_stays(b):
    stays = b.add_key("timestamp")
    b.publish_root()
    b.sim.timestamp.version = 99999
    b.accept(root=2, timestamp=99999)
    gone = next(id for id in b.sim.root.roles["timestamp"].keyids if id != stays.public_key.keyid)
    b.sim.root.revoke_key(gone, "timestamp")
    del b.sim.signers["timestamp"][gone]
    b.publish_root()
    b.sim.timestamp.version = 1
    b.accept(root=3, timestamp=1)


@case
def rollback_is_refused_when_other_keys_rotate(b):
    b.sim.timestamp.version = 5
    b.accept(timestamp=5)
    b.sim.rotate_keys("targets")
    b.publish_root()
    b.sim.timestamp.version = 4
    b.reject(root=2, timestamp=5)


@case
def missing(b):
    b.answer("timestamp.json", 404)
    b.reject(root=1, timestamp=None)


@case
def endless(b):
    b.answer("timestamp.json", ENDLESS)
    b.reject(timestamp=None)


@case
def lists_more_than_the_snapshot(b):
    timestamp = b.sim.md_timestamp
    content = timestamp.to_dict()
    content["signed"]["meta"]["targets.json"] = {"version": 1}
    data = encode_canonical(content["signed"]).encode()
    content["signatures"] = [signer.sign(data).to_dict() for signer in b.sim.signers["timestamp"].values()]
    b.answer("timestamp.json", content)
    b.reject(timestamp=None)


@case
def trusted_file_was_damaged(b):
    b.accept(timestamp=1)
    (b.trusted_dir / "timestamp.json").write_bytes(b"{")
    b.accept(timestamp=1)
