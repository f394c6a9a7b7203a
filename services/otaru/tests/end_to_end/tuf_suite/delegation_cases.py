"""Delegations: who may speak of a target, and in which order they are asked."""

from hashlib import sha256

from bench import PAST, Wrong, case
from securesystemslib.formats import encode_canonical
from tuf.api.metadata import DelegatedRole, Targets

IMAGE = b"firmware of a delegated role"


def delegate(b, name, paths=("*",), by="targets", terminating=False, prefixes=None):
    role = DelegatedRole(name, [], 1, terminating, None if prefixes else list(paths), prefixes)
    b.sim.add_delegation(by, role, Targets(expires=b.sim.safe_expiry))


def publish(b):
    b.sim.targets.version += 1
    b.sim.update_snapshot()


def asked(b):
    names = [path.removeprefix("/metadata/").split(".", 1)[1].removesuffix(".json") for path in b.requests if path.startswith("/metadata/") and path[10].isdigit()]
    return [name for name in names if name not in ("root", "snapshot", "targets")]


def must_ask(b, *roles):
    if asked(b) != list(roles):
        raise Wrong(f"asked {asked(b)}, not {list(roles)}")


@case
def a_role_speaks_of_its_path(b):
    delegate(b, "bcm", ["bcm-*.bin"])
    b.sim.add_target("bcm", IMAGE, "bcm-1.bin")
    publish(b)
    b.accept_target("bcm-1.bin", IMAGE, bcm=1)


@case
def a_role_speaks_of_anothers_path(b):
    delegate(b, "bcm", ["bcm-*.bin"])
    b.sim.add_target("bcm", IMAGE, "tcu-1.bin")
    publish(b)
    b.reject_target("tcu-1.bin", bcm=None)


@case
def a_star_does_not_cross_a_slash(b):
    delegate(b, "bcm", ["*.bin"])
    b.sim.add_target("bcm", IMAGE, "dir/bcm.bin")
    publish(b)
    b.reject_target("dir/bcm.bin")


@case
def a_question_mark_is_one_character(b):
    delegate(b, "bcm", ["bcm-?.bin"])
    b.sim.add_target("bcm", IMAGE, "bcm-7.bin")
    publish(b)
    b.accept_target("bcm-7.bin", IMAGE)


@case
def refresh_leaves_delegated_roles_alone(b):
    delegate(b, "bcm")
    b.sim.signers["bcm"].clear()
    publish(b)
    b.accept(targets=2, bcm=None)


@case
def delegated_unsigned(b):
    delegate(b, "bcm")
    b.sim.add_target("bcm", IMAGE, "x")
    b.sim.signers["bcm"].clear()
    publish(b)
    b.reject_target("x", bcm=None)


@case
def delegated_signed_by_its_delegators_key(b):
    delegate(b, "bcm")
    b.sim.add_target("bcm", IMAGE, "x")
    b.sim.signers["bcm"] = b.sim.signers["targets"]
    publish(b)
    b.reject_target("x", bcm=None)


@case
def delegated_below_threshold(b):
    delegate(b, "bcm")
    b.sim.add_target("bcm", IMAGE, "x")
    b.sim.targets.delegations.roles["bcm"].threshold = 2
    publish(b)
    b.reject_target("x", bcm=None)


@case
def delegated_expired(b):
    delegate(b, "bcm")
    b.sim.add_target("bcm", IMAGE, "x")
    b.sim.md_delegates["bcm"].signed.expires = PAST
    publish(b)
    b.reject_target("x", bcm=None)


@case
def delegated_of_another_version(b):
    delegate(b, "bcm")
    b.sim.add_target("bcm", IMAGE, "x")
    publish(b)
    b.sim.md_delegates["bcm"].signed.version = 2
    b.reject_target("x", bcm=None)


@case
def delegated_rolled_back(b):
    delegate(b, "bcm")
    b.sim.add_target("bcm", IMAGE, "x")
    b.sim.md_delegates["bcm"].signed.version = 5
    publish(b)
    b.accept_target("x", IMAGE, bcm=5)
    b.sim.md_delegates["bcm"].signed.version = 4
    publish(b)
    b.reject_target("x", bcm=5, snapshot=2)


@case
def delegated_not_in_the_snapshot(b):
    delegate(b, "bcm")
    b.sim.add_target("bcm", IMAGE, "x")
    publish(b)
    del b.sim.snapshot.meta["bcm.json"]
    b.reject_target("x", bcm=None)


@case
def delegated_hash_wrong(b):
    delegate(b, "bcm")
    b.sim.add_target("bcm", IMAGE, "x")
    publish(b)
    b.sim.snapshot.meta["bcm.json"].hashes = {"sha256": "22" * 32}
    b.reject_target("x", bcm=None)


@case
def the_first_that_knows_it_wins(b):
    delegate(b, "first")
    delegate(b, "second")
    b.sim.add_target("first", IMAGE, "x")
    b.sim.md_delegates["second"].signed.targets["x"] = b.sim.md_delegates["first"].signed.targets["x"]
    publish(b)
    b.accept_target("x", IMAGE, first=1, second=None)


@case
def the_search_is_depth_first(b):
    for name, by in (("a", "targets"), ("b", "targets"), ("aa", "a"), ("ab", "a"), ("ba", "b")):
        delegate(b, name, by=by)
    publish(b)
    b.reject_target("nowhere")
    must_ask(b, "a", "aa", "ab", "b", "ba")


@case
def a_terminating_role_ends_it(b):
    delegate(b, "last", terminating=True)
    delegate(b, "never")
    b.sim.add_target("never", IMAGE, "x")
    publish(b)
    b.reject_target("x")
    must_ask(b, "last")


@case
def a_terminating_role_of_other_paths_does_not(b):
    delegate(b, "other", ["y*"], terminating=True)
    delegate(b, "ours")
    b.sim.add_target("ours", IMAGE, "x")
    publish(b)
    b.accept_target("x", IMAGE)


@case
def a_cycle_ends(b):
    delegate(b, "a")
    delegate(b, "b", by="a")
    delegate(b, "a", by="b")
    publish(b)
    b.reject_target("nowhere")
    must_ask(b, "a", "b")


@case
def a_long_chain_ends(b):
    by = "targets"
    for number in range(40):
        delegate(b, f"r{number}", by=by)
        by = f"r{number}"
    b.sim.add_target(by, IMAGE, "x")
    publish(b)
    b.reject_target("x", r39=None)
    if len(asked(b)) > 33:
        raise Wrong(f"asked {len(asked(b))} roles")


@case
def a_grandchild_speaks(b):
    delegate(b, "parent", ["bcm/*"])
    delegate(b, "child", ["bcm/*.bin"], by="parent")
    b.sim.add_target("child", IMAGE, "bcm/1.bin")
    publish(b)
    b.accept_target("bcm/1.bin", IMAGE, parent=1, child=1)


@case
def a_grandchild_cannot_widen(b):
    delegate(b, "parent", ["bcm/*"])
    delegate(b, "child", ["*"], by="parent")
    b.sim.add_target("child", IMAGE, "x")
    publish(b)
    b.reject_target("x", child=None)


@case
def bins_by_prefix_of_hash(b):
    prefix = sha256(b"x").hexdigest()[:2]
    delegate(b, "other", prefixes=[f"{(int(prefix, 16) + 1) % 256:02x}"])
    delegate(b, "bin", prefixes=[prefix])
    b.sim.add_target("bin", IMAGE, "x")
    publish(b)
    b.accept_target("x", IMAGE, bin=1, other=None)


@case
def succinct_bins(b):
    b.sim.add_succinct_roles("targets", 5, "bin")
    name = b.sim.targets.delegations.succinct_roles.get_role_for_target("x")
    b.sim.add_target(name, IMAGE, "x")
    publish(b)
    b.accept_target("x", IMAGE, **{name: 1})


@case
def succinct_bins_of_another(b):
    b.sim.add_succinct_roles("targets", 5, "bin")
    mine = b.sim.targets.delegations.succinct_roles.get_role_for_target("x")
    other = next(role for role in b.sim.targets.delegations.succinct_roles.get_roles() if role != mine)
    b.sim.add_target(other, IMAGE, "x")
    publish(b)
    b.reject_target("x")


@case
def a_role_with_slashes_stays_in_the_folder(b):
    delegate(b, "../../evil")
    b.sim.add_target("../../evil", IMAGE, "x")
    publish(b)
    b.accept_target("x", IMAGE, **{"../../evil": 1})
    if len(list(b.trusted_dir.parent.glob("**/*evil*"))) != 1:
        raise Wrong("the role's file is elsewhere")


@case
def a_role_named_as_a_top_level_one(b):
    delegate(b, "bcm")
    publish(b)
    content = b.served("targets")
    content["signed"]["delegations"]["roles"][0]["name"] = "snapshot"
    data = encode_canonical(content["signed"]).encode()
    content["signatures"] = [signer.sign(data).to_dict() for signer in b.sim.signers["targets"].values()]
    b.answer("2.targets.json", content)
    b.reject_target("x", targets=None)
