"""A vehicle that speaks aktualizr's dialect of Uptane: a Primary with an RSA key and a Secondary with an ed25519 key, or the
other way round. Keys, canonical JSON, signatures and all checks are its own, so that what Otaru signs and verifies is held
against something that nobody wrote for it to agree with.

Usage: uptane_client.py GATEWAY TOKEN STATE_DIR COMMAND [ARGUMENT...]
  init PRIMARY_KEY SECONDARY_KEY   makes keys (rsa, ed25519)
  cycle [SERIAL...]                one cycle; the installation on these ECUs fails
  replay                           sends the last manifest again
Prints one JSON object.
"""

import base64
import hashlib
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

SMALL, TARGETS = 64 << 10, 8 << 20
ECUS = {"primary-1": "GW", "secondary-1": "BCM"}
PRIMARY = "primary-1"


class Refused(Exception):
    """A check of the standard failed."""


def canonical(value) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


class Ecu:
    """An ECU's key and what it runs, kept in a folder."""

    def __init__(self, folder: Path, serial: str):
        self.serial, self.path = serial, folder / f"{serial}.json"
        state = json.loads(self.path.read_text())
        self.image = state["image"]
        self.key = serialization.load_pem_private_key(state["key"].encode(), None)

    @staticmethod
    def make(folder: Path, serial: str, kind: str) -> None:
        key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ed25519.Ed25519PrivateKey.generate()
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        factory = b"factory " + serial.encode()
        image = {"name": f"{serial}-factory", "length": len(factory), "sha256": hashlib.sha256(factory).hexdigest()}
        (folder / f"{serial}.json").write_text(json.dumps({"image": image, "key": pem.decode()}))

    def run(self, image: dict) -> None:
        self.image = image
        state = json.loads(self.path.read_text())
        self.path.write_text(json.dumps({**state, "image": image}))

    @property
    def is_rsa(self) -> bool:
        return isinstance(self.key, rsa.RSAPrivateKey)

    def public(self) -> dict:
        key = self.key.public_key()
        if self.is_rsa:
            form = serialization.PublicFormat.SubjectPublicKeyInfo
            return {"keytype": "RSA", "keyval": {"public": key.public_bytes(serialization.Encoding.PEM, form).decode()}}
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"keytype": "ED25519", "keyval": {"public": raw.hex().upper()}}

    def sign(self, value) -> dict:
        message = canonical(value)
        if self.is_rsa:
            method = "rsassa-pss"
            sig = self.key.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        else:
            method, sig = "ed25519", self.key.sign(message)
        keyid = hashlib.sha256(canonical(self.public()["keyval"]["public"].rstrip("\n"))).hexdigest()
        return {"signatures": [{"keyid": keyid, "method": method, "sig": base64.b64encode(sig).decode()}], "signed": value}

    def report(self, counter: int | None) -> dict:
        image = self.image
        fileinfo = {"length": image["length"], "hashes": {"sha256": image["sha256"].upper()}}
        said = {
            "attacks_detected": "",
            "ecu_serial": self.serial,
            "installed_image": {"filepath": image["name"], "fileinfo": fileinfo},
            "previous_timeserver_time": "1970-01-01T00:00:00Z",
            "timeserver_time": "1970-01-01T00:00:00Z",
        }
        if counter is not None:
            said["report_counter"] = str(counter)
        return self.sign(said)


class Client:
    def __init__(self, gateway: str, token: str, folder: Path):
        self.base, self.token, self.folder = f"{gateway}/uptane", token, folder
        self.ecus = {serial: Ecu(folder, serial) for serial in ECUS}
        self.path = folder / "client.json"
        self.state = json.loads(self.path.read_text()) if self.path.exists() else {"counter": 0, "meta": {}}

    def keep(self) -> None:
        self.path.write_text(json.dumps(self.state))

    def call(self, method: str, path: str, body=None, limit: int = SMALL) -> tuple[int, bytes]:
        request = urllib.request.Request(f"{self.base}/{path}", method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                data = answer.read(limit + 1)
                if len(data) > limit:
                    raise Refused(f"{path} is longer than {limit}")
                return answer.status, data
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def fetch(self, path: str, limit: int) -> bytes:
        status, data = self.call("GET", path, limit=limit)
        if status != 200:
            raise Refused(f"{path} was answered {status}: {data[:300]!r}")
        return data

    def signed(self, root: dict, data: bytes, role: str) -> dict:
        file = json.loads(data)
        signed, entry = file["signed"], root["roles"][role]
        if signed["_type"] != role.capitalize():
            raise Refused(f"a file of the type {signed['_type']} for {role}")
        valid = set()
        for one in file["signatures"]:
            if one["keyid"] not in entry["keyids"] or one["method"] != "ed25519":
                continue
            key = root["keys"][one["keyid"]]
            public = ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(key["keyval"]["public"]))
            try:
                public.verify(base64.b64decode(one["sig"]), canonical(signed))
                valid.add(one["keyid"])
            except InvalidSignature:
                pass
        if len(valid) < entry["threshold"]:
            raise Refused(f"{role} is not signed as its root says")
        return signed

    def live(self, signed: dict, what: str) -> dict:
        if datetime.strptime(signed["expires"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc) <= datetime.now(timezone.utc):
            raise Refused(f"{what} has expired")
        return signed

    def newer(self, what: str, signed: dict) -> dict:
        """No way back, and what is kept is what was seen."""
        before = self.state["meta"].get(what, 0)
        if signed["version"] < before:
            raise Refused(f"{what} went back from {before} to {signed['version']}")
        self.state["meta"][what] = signed["version"]
        return self.live(signed, what)

    def root(self, repository: str) -> dict:
        known = self.state.setdefault("roots", {})
        if repository not in known:
            data = self.fetch(f"{repository}/1.root.json", SMALL)
            root = json.loads(data)["signed"]
            self.signed(root, data, "root")
            known[repository] = root
        while True:
            root = known[repository]
            status, data = self.call("GET", f"{repository}/{root['version'] + 1}.root.json")
            if status != 200:
                return self.live(root, f"the root of {repository}")
            following = json.loads(data)["signed"]
            self.signed(root, data, "root")
            self.signed(following, data, "root")
            if following["version"] != root["version"] + 1:
                raise Refused("a root of another version")
            known[repository] = following
            for what in [what for what in self.state["meta"] if what.startswith(repository)]:
                del self.state["meta"][what]

    def directed(self) -> dict:
        # In the standard's order; what is below a timestamp is of its version, whatever comes meanwhile.
        timestamp = self.signed(self.root("director"), self.fetch("director/timestamp.json", SMALL), "timestamp")
        data = self.fetch("director/snapshot.json", timestamp["meta"]["snapshot.json"]["length"])
        if hashlib.sha256(data).hexdigest() != timestamp["meta"]["snapshot.json"]["hashes"]["sha256"]:
            raise Refused("the Director's snapshot is another one")
        snapshot = self.signed(self.root("director"), data, "snapshot")
        targets = self.signed(self.root("director"), self.fetch("director/targets.json", SMALL), "targets")
        if snapshot["meta"]["targets.json"]["version"] != targets["version"]:
            raise Refused("the Director's snapshot is of other targets")
        self.newer("director targets", targets)
        if "delegations" in targets:
            raise Refused("the Director delegates")
        seen = set()
        for name, target in targets["targets"].items():
            for serial, ecu in target["custom"]["ecuIdentifiers"].items():
                if serial in seen or ECUS.get(serial) != ecu["hardwareId"]:
                    raise Refused(f"{name} is for an ECU that is not here or there twice: {serial}")
                seen.add(serial)
            if "hardwareIds" in target["custom"]:
                raise Refused("aktualizr would find no such target in the Image repository")
        return targets

    def images(self) -> dict:
        root = self.root("repo")
        timestamp = self.newer("repo timestamp", self.signed(root, self.fetch("repo/timestamp.json", SMALL), "timestamp"))
        entry = timestamp["meta"]["snapshot.json"]
        file = json.loads(self.fetch("repo/snapshot.json", entry["length"]))
        # As aktualizr does: over the canonical form of what it parsed.
        if hashlib.sha256(canonical(file)).hexdigest() != entry["hashes"]["sha256"]:
            raise Refused("the snapshot is another one")
        snapshot = self.newer("repo snapshot", self.signed(root, canonical(file), "snapshot"))
        if snapshot["version"] != entry["version"]:
            raise Refused("the snapshot has another version")
        data = self.fetch("repo/targets.json", TARGETS)
        meta = snapshot["meta"]["targets.json"]
        if hashlib.sha256(canonical(json.loads(data))).hexdigest() != meta["hashes"]["sha256"]:
            raise Refused("the targets are other ones")
        targets = self.newer("repo targets", self.signed(root, data, "targets"))
        if targets["version"] != meta["version"]:
            raise Refused("the targets have another version")
        return targets

    def manifest(self, report=None) -> int:
        self.state["counter"] += 1
        counter = self.state["counter"]
        reports = {serial: ecu.report(counter if serial == PRIMARY else None) for serial, ecu in self.ecus.items()}
        said = {"primary_ecu_serial": PRIMARY, "ecu_version_manifests": reports}
        if report:
            kind = "application/vnd.com.here.otac.installationReport.v1"
            said["installation_report"] = {"content_type": kind, "report": report}
        self.state["last"] = self.ecus[PRIMARY].sign(said)
        self.keep()
        return self.call("PUT", "director/manifest", self.state["last"])[0]

    def cycle(self, failing: list[str]) -> dict:
        if not self.state.get("registered"):
            ecus = [
                {"hardware_identifier": ECUS[serial], "ecu_serial": serial, "clientKey": ecu.public()}
                for serial, ecu in self.ecus.items()
            ]
            status, data = self.call("POST", "director/ecus", {"primary_ecu_serial": PRIMARY, "ecus": ecus})
            if status != 200:
                raise Refused(f"registration was answered {status}: {data[:300]!r}")
            self.state["registered"] = True
            self.call("PUT", "system_info", {"product": "test bench"})
            self.call("PUT", "core/installed", [{"name": "bash", "version": "5"}])
        said = {"manifest": self.manifest()}
        directed = self.directed()
        said["targets"], said["version"] = sorted(directed["targets"]), directed["version"]
        said["vehicle"] = directed["custom"]["vehicleId"]
        if directed["targets"]:
            said["report"] = self.install(directed, failing)
        self.keep()
        return said

    def install(self, directed: dict, failing: list[str]) -> int:
        images, correlation = self.images()["targets"], directed["custom"]["correlationId"]
        items = []
        for name, target in directed["targets"].items():
            image = images.get(name)
            if image is None or any(image[part] != target[part] for part in ("length", "hashes")):
                raise Refused(f"{name} is not in both repositories")
            if image["custom"]["releaseCounter"] != target["custom"]["releaseCounter"]:
                raise Refused(f"{name} has another release counter in the Image repository")
            serials = list(target["custom"]["ecuIdentifiers"])
            if any(ECUS[serial] not in image["custom"]["hardwareIds"] for serial in serials):
                raise Refused(f"{name} is for other hardware")
            self.tell("EcuDownloadStarted", serials, correlation)
            data = self.fetch(f"repo/targets/{urllib.parse.quote(name)}", target["length"])
            if len(data) != target["length"] or hashlib.sha256(data).hexdigest() != target["hashes"]["sha256"]:
                raise Refused(f"{name} is another file")
            self.tell("EcuDownloadCompleted", serials, correlation, True)
            for serial in serials:
                self.tell("EcuInstallationStarted", [serial], correlation)
                good = serial not in failing
                if good:
                    image = {"name": name, "length": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                    self.ecus[serial].run(image)
                self.tell("EcuInstallationCompleted", [serial], correlation, good)
                items.append({"ecu": serial, "result": self.result(good, "line one\nline two \u00fc")})
        good = not failing
        report = {"correlation_id": correlation, "raw_report": "raw", "items": items, "result": self.result(good, "all of it")}
        return self.manifest(report)

    @staticmethod
    def result(good: bool, description: str) -> dict:
        return {"success": good, "code": "OK" if good else "INSTALL_FAILED", "description": description}

    def tell(self, event: str, serials: list[str], correlation: str, success: bool | None = None) -> None:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = [{"ecu": serial, "correlationId": correlation} for serial in serials]
        if success is not None:
            body = [{**one, "success": success} for one in body]
        events = [
            {"id": "0", "deviceTime": now, "eventType": {"id": event, "version": 0}, "event": one} for one in body
        ]
        status, data = self.call("POST", "events", events)
        if status != 200:
            raise Refused(f"events were answered {status}: {data[:300]!r}")


def main() -> None:
    gateway, token, folder, command, *arguments = sys.argv[1:]
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    if command == "init":
        for serial, kind in zip(ECUS, arguments):
            Ecu.make(path, serial, kind)
        print(json.dumps({}))
        return
    client = Client(gateway, token, path)
    try:
        if command == "replay":
            print(json.dumps({"manifest": client.call("PUT", "director/manifest", client.state["last"])[0]}))
        else:
            print(json.dumps(client.cycle(arguments)))
    except Refused as refused:
        client.keep()
        print(json.dumps({"refused": str(refused)}))


main()
