"""What the measurements share: Otaru's servers on free ports with a Postgres beside them, and calls over REST."""

import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Api:
    """One connection to a server, for one thread."""

    def __init__(self, port, token):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def call(self, method, path, body=None, token=None, content_type=None):
        headers = dict(self.headers)
        if token:
            headers["authorization"] = f"Bearer {token}"
        if content_type:
            headers["content-type"] = content_type
        data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        self.connection.request(method, path, data, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            sys.exit(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text) if text else None


class Servers:
    """`otaru up` with a Postgres of its own, and more gateways beside its own."""

    def __init__(self, binary, folder, more_gateways=0):
        self.folder, self.processes = folder, []
        self.database = self.start([binary, "embedded", "--postgres", "--data-dir", f"{folder}/postgres"], "postgres")
        self.url = self.wait(lambda: json.loads((folder / "postgres.out").read_text())["database_url"])
        self.campaign, self.gateways, broker = free_port(), [free_port()], free_port()
        self.start([binary, "up", "--empty", "--data-dir", f"{folder}/up", "--database-url", self.url,
                    "--campaign-port", str(self.campaign), "--gateway-port", str(self.gateways[0]),
                    "--vehicle-state-port", str(free_port()), "--broker-port", str(broker)], "up")
        self.wait(lambda: "Otaru stays up" in (folder / "up.out").read_text())
        for number in range(more_gateways):
            self.gateways.append(free_port())
            self.start([binary, "gateway", "--listen", f"127.0.0.1:{self.gateways[-1]}", "--database-url", self.url,
                        "--kafka", f"127.0.0.1:{broker}", "--kafka-property", "message.max.bytes=5000000",
                        "--kafka-property", "fetch.wait.max.ms=100",
                        "--artifacts", f"file://{folder}/up/artifacts"], f"gateway-{number}")
            self.wait(lambda: self.ready(self.gateways[-1]))
        self.token = (folder / "up" / "admin-token").read_text().strip()

    def start(self, command, name):
        with open(self.folder / f"{name}.out", "w") as out, open(self.folder / f"{name}.log", "w") as log:
            self.processes.append(subprocess.Popen(command, stdout=out, stderr=log))
        return self.processes[-1]

    def wait(self, ask):
        for _ in range(600):
            try:
                if answer := ask():
                    return answer
            except (OSError, ValueError, KeyError):
                pass
            if ended := [one.args for one in self.processes if one.poll() is not None]:
                sys.exit(f"{ended} ended; its log is in {self.folder}")
            time.sleep(0.1)
        sys.exit(f"it does not start; the logs are in {self.folder}")

    @staticmethod
    def ready(port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait()


@contextmanager
def servers(binary, more_gateways=0):
    """Servers in a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="otaru-bench-"))
    folder.chmod(0o755)
    running = Servers(binary, folder, more_gateways)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def locked_release(api, model):
    """A model with one ECU, and a locked release for it."""
    api.call("POST", "/api/v1/models", {"id": model, "name": "Bench", "hardware": [{"hardware_id": "BCM", "name": "b"}]})
    image = api.call("POST", "/api/v1/artifacts?file_name=bad.bin", b"bad firmware", content_type="application/octet-stream")
    release = api.call("POST", "/api/v1/releases", {
        "name": "Bad", "version": "1", "models": [model],
        "images": [{"hardware_id": "BCM", "sha256": image["sha256"], "version": "1"}],
    })["id"]
    api.call("POST", f"/api/v1/releases/{release}/lock", {})
    return release
