"""Roots: rotation, thresholds, rollback, freeze."""

import copy
import json

from bench import ENDLESS, PAST, case
from securesystemslib.signer import CryptoSigner, SSlibKey


@case
def first_refresh(b):
    b.accept(root=1, timestamp=1, snapshot=1, targets=1)


@case
def first_root_unsigned(b):
    root = b.served("root", 1)
    root["signatures"] = []
    b.expect(b.init(json.dumps(root).encode()), False, {"root": 1})


@case
def rotated_to_other_keys(b):
    old = dict(b.sim.signers["root"])
    b.sim.rotate_keys("root")
    b.sim.signers["root"].update(old)
    b.publish_root()
    b.accept(root=2)


@case
def many_versions_at_once(b):
    for _ in range(12):
        b.publish_root()
    b.accept(root=13)


@case
def new_root_not_signed_by_old_keys(b):
    b.sim.rotate_keys("root")
    b.publish_root()
    b.reject(root=1, timestamp=None)


@case
def new_root_not_signed_by_new_keys(b):
    old = dict(b.sim.signers["root"])
    b.sim.rotate_keys("root")
    b.sim.signers["root"] = old
    b.publish_root()
    b.reject(root=1)


@case
def new_root_unsigned(b):
    b.publish_root()
    root = b.served("root", 2)
    root["signatures"] = []
    b.answer("2.root.json", root)
    b.reject(root=1)


@case
def new_root_changed_after_signing(b):
    b.publish_root()
    root = b.served("root", 2)
    root["signed"]["consistent_snapshot"] = False
    b.answer("2.root.json", root)
    b.reject(root=1)


@case
def new_root_below_old_threshold(b):
    b.add_key("root")
    b.sim.root.roles["root"].threshold = 2
    b.publish_root()
    b.accept(root=2)
    b.sim.signers["root"].popitem()
    b.publish_root()
    b.reject(root=2)


@case
def new_root_below_new_threshold(b):
    b.sim.root.roles["root"].threshold = 2
    b.publish_root()
    b.reject(root=1)


@case
def new_root_at_threshold_of_many_keys(b):
    for _ in range(4):
        b.add_key("root")
    b.sim.root.roles["root"].threshold = 3
    b.publish_root()
    b.sim.signers["root"] = dict(list(b.sim.signers["root"].items())[:3])
    b.publish_root()
    b.accept(root=3)


@case
def signature_by_revoked_key_does_not_count(b):
    signer = b.add_key("root")
    b.sim.root.roles["root"].threshold = 2
    b.publish_root()
    b.accept(root=2)
    b.sim.root.revoke_key(signer.public_key.keyid, "root")
    b.publish_root()
    b.reject(root=2)


@case
def version_skipped(b):
    b.sim.root.version += 2
    b.sim.publish_root()
    b.reject(root=1)


@case
def version_repeated(b):
    b.sim.publish_root()
    b.reject(root=1)


@case
def second_of_three_is_bad(b):
    b.publish_root()
    b.sim.rotate_keys("root")
    b.publish_root()
    b.publish_root()
    b.reject(root=2, timestamp=None)


@case
def expired_in_between(b):
    fine = b.sim.root.expires
    b.sim.root.expires = PAST
    b.publish_root()
    b.sim.root.expires = fine
    b.publish_root()
    b.accept(root=3, timestamp=1)


@case
def newest_expired(b):
    b.sim.root.expires = PAST
    b.publish_root()
    b.reject(root=2, timestamp=None)


@case
def expired_then_renewed(b):
    fine = b.sim.root.expires
    b.sim.root.expires = PAST
    b.publish_root()
    b.reject(root=2)
    b.sim.root.expires = fine
    b.publish_root()
    b.accept(root=3, timestamp=1)


@case
def endless_root(b):
    b.answer("2.root.json", ENDLESS)
    b.reject(root=1)


@case
def server_error_is_no_absence(b):
    b.answer("2.root.json", 500)
    b.reject(root=1, timestamp=None)


@case
def another_repository(b):
    b.sim.__init__()
    b.reject(root=1, timestamp=None)


@case
def key_twice_in_a_role(b):
    b.publish_root()
    root = b.sim.md_root
    root.signed.roles["root"].keyids *= 2
    root.signed.version += 1
    root.signatures.clear()
    for signer in b.sim.signers["root"].values():
        root.sign(signer, append=True)
    b.answer("3.root.json", root.to_dict())
    b.reject(root=2)


@case
def one_key_under_two_ids_counts_once(b):
    key = b.sim.root.keys[b.sim.root.roles["timestamp"].keyids[0]]
    twin = copy.deepcopy(key)
    twin.keyid = "ab" * 32
    b.sim.root.add_key(twin, "timestamp")
    b.sim.root.roles["timestamp"].threshold = 2
    b.publish_root()
    timestamp = b.served("timestamp")
    timestamp["signatures"].append({**timestamp["signatures"][0], "keyid": twin.keyid})
    b.answer("timestamp.json", timestamp)
    b.reject(root=2, timestamp=None)


def key_of_type(b, signer):
    for role in ("root", "timestamp", "snapshot", "targets"):
        b.add_key(role, signer)
        b.sim.root.roles[role].threshold = len(b.sim.root.roles[role].keyids)
    b.publish_root()
    b.accept(root=2, timestamp=1, snapshot=1, targets=1)


@case
def keys_of_ecdsa(b):
    key_of_type(b, CryptoSigner.generate_ecdsa())


@case
def keys_of_rsa_pss(b):
    key_of_type(b, CryptoSigner.generate_rsa())


@case
def keys_of_ed25519(b):
    key_of_type(b, CryptoSigner.generate_ed25519())


@case
def unknown_kind_of_key_beside_a_known_one(b):
    b.sim.root.add_key(SSlibKey("cd" * 32, "of-tomorrow", "scheme-x", {"public": "00"}), "timestamp")
    b.publish_root()
    b.accept(root=2, timestamp=1)
