"""Files that are not what they should be, and files with more than this client knows."""

from bench import case
from securesystemslib.formats import encode_canonical

FILES = {"timestamp": "timestamp.json", "snapshot": "1.snapshot.json", "targets": "1.targets.json", "root": "2.root.json"}


def signed(b, role, change):
    """The role's file with a change, signed by the role's own keys."""
    if role == "root":
        b.publish_root()
    content = b.served(role, 2 if role == "root" else None)
    change(content["signed"])
    data = encode_canonical(content["signed"]).encode()
    content["signatures"] = [signer.sign(data).to_dict() for signer in b.sim.signers[role].values()]
    b.answer(FILES[role], content)


def refused(name, role, change):
    def run(b):
        signed(b, role, change)
        b.reject(**{role: 1 if role == "root" else None})

    run.__name__ = f"{role}_{name}"
    run.__module__ = __name__
    case(run)


def taken(name, role, change):
    def run(b):
        signed(b, role, change)
        b.accept(targets=1, **({} if role == "targets" else {role: 2 if role == "root" else 1}))

    run.__name__ = f"{role}_{name}"
    run.__module__ = __name__
    case(run)


def no_json(role, content, name):
    def run(b):
        b.answer(FILES[role], content)
        b.reject(**{role: 1 if role == "root" else None})

    run.__name__ = f"{role}_{name}"
    run.__module__ = __name__
    case(run)


for each in FILES:
    no_json(each, b"<html>", "is_no_json")
    refused("of_another_type", each, lambda body: body.update(_type="mirrors"))
    refused("of_another_specification", each, lambda body: body.update(spec_version="2.0.0"))
    taken("with_unknown_fields", each, lambda body: body.update(x_later={"deep": [1, None, "ä"]}))

no_json("timestamp", b"", "is_empty")
no_json("timestamp", b"[]", "is_a_list")
no_json("timestamp", b'{"signed":' * 5000, "is_very_deep")
refused("of_version_zero", "timestamp", lambda body: body.update(version=0))
refused("of_a_version_as_text", "timestamp", lambda body: body.update(version="1"))
refused("without_expiry", "timestamp", lambda body: body.pop("expires"))
refused("with_an_expiry_of_another_form", "timestamp", lambda body: body.update(expires="tomorrow"))
refused("without_meta", "snapshot", lambda body: body.pop("meta"))
refused("with_a_threshold_of_zero", "root", lambda body: body["roles"]["targets"].update(threshold=0))
refused("without_a_role", "root", lambda body: body["roles"].pop("snapshot"))
taken("of_a_later_minor_specification", "timestamp", lambda body: body.update(spec_version="1.9.0"))
