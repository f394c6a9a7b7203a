"""Downloads: only what was signed, only whole, only under a safe name."""

from bench import ENDLESS, Wrong, case
from delegation_cases import publish

IMAGE = b"firmware of the body control module"


def offer(b, name, content=IMAGE):
    b.sim.add_target("targets", content, name)
    publish(b)


def change(b, name, content):
    b.sim.target_files[name].data = content


@case
def good(b):
    offer(b, "bcm.bin")
    b.accept_target("bcm.bin", IMAGE, targets=2)


@case
def empty(b):
    offer(b, "empty.bin", b"")
    b.accept_target("empty.bin", b"")


@case
def twice_is_fetched_once(b):
    offer(b, "bcm.bin")
    b.accept_target("bcm.bin", IMAGE)
    b.requests.clear()
    b.accept_target("bcm.bin", IMAGE)
    if any(path.startswith("/targets/") for path in b.requests):
        raise Wrong("fetched again what is there")


@case
def changed_on_disk_is_fetched_again(b):
    offer(b, "bcm.bin")
    b.accept_target("bcm.bin", IMAGE)
    b.files()[0].write_bytes(b"other")
    b.accept_target("bcm.bin", IMAGE)


@case
def in_a_folder(b):
    offer(b, "ecus/bcm/1.0.bin")
    b.accept_target("ecus/bcm/1.0.bin", IMAGE)
    if not any("/targets/ecus/bcm/" in path for path in b.requests):
        raise Wrong("the hash is not before the last part of the name")


@case
def with_a_space(b):
    offer(b, "bcm 1.0.bin")
    b.accept_target("bcm 1.0.bin", IMAGE)


@case
def with_other_letters(b):
    offer(b, "строй/åäö.bin")
    b.accept_target("строй/åäö.bin", IMAGE)


@case
def with_a_percent(b):
    offer(b, "bcm%20a.bin")
    b.accept_target("bcm%20a.bin", IMAGE)


@case
def without_consistent_snapshot(b):
    b.sim.root.consistent_snapshot = False
    b.publish_root()
    offer(b, "ecus/bcm.bin")
    b.accept_target("ecus/bcm.bin", IMAGE)


@case
def unknown(b):
    offer(b, "bcm.bin")
    b.reject_target("tcu.bin")


@case
def missing_on_the_server(b):
    offer(b, "bcm.bin")
    del b.sim.target_files["bcm.bin"]
    b.reject_target("bcm.bin")


@case
def other_bytes_of_the_same_length(b):
    offer(b, "bcm.bin")
    change(b, "bcm.bin", IMAGE[::-1])
    b.reject_target("bcm.bin")


@case
def shorter(b):
    offer(b, "bcm.bin")
    change(b, "bcm.bin", IMAGE[:-1])
    b.reject_target("bcm.bin")


@case
def longer(b):
    offer(b, "bcm.bin")
    change(b, "bcm.bin", IMAGE + b"!")
    b.reject_target("bcm.bin")


@case
def endless(b):
    offer(b, "bcm.bin")
    digest = b.sim.targets.targets["bcm.bin"].hashes["sha256"]
    b.answers[f"/targets/{digest}.bcm.bin"] = ENDLESS
    b.reject_target("bcm.bin")


@case
def signed_length_wrong(b):
    offer(b, "bcm.bin")
    b.sim.targets.targets["bcm.bin"].length += 1
    b.reject_target("bcm.bin")


@case
def one_of_two_hashes_wrong(b):
    offer(b, "bcm.bin")
    b.sim.targets.targets["bcm.bin"].hashes["sha512"] = "00" * 64
    b.reject_target("bcm.bin")


@case
def no_hash_that_is_known(b):
    offer(b, "bcm.bin")
    b.sim.targets.targets["bcm.bin"].hashes = {"crc32": "00" * 4}
    b.sim.root.consistent_snapshot = False
    b.publish_root()
    b.reject_target("bcm.bin")


@case
def name_that_leaves_the_folder(b):
    offer(b, "../../evil.bin")
    b.reject_target("../../evil.bin")
    if list(b.target_dir.parent.glob("**/*evil*")):
        raise Wrong("it was written")


@case
def name_from_the_top(b):
    offer(b, "/tmp/evil.bin")
    b.reject_target("/tmp/evil.bin")


@case
def name_that_is_two_dots(b):
    offer(b, "..")
    b.reject_target("..")


@case
def withdrawn(b):
    offer(b, "bcm.bin")
    b.accept_target("bcm.bin", IMAGE)
    del b.sim.targets.targets["bcm.bin"]
    publish(b)
    took, appeared = b.download("bcm.bin")
    b.expect(took, False, {"targets": 3})
