"""A repository over HTTP, a client as a command, and what the client must do with the repository."""

import json
import subprocess
import sys
import tempfile
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote

from repository_simulator import RepositorySimulator
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import DownloadHTTPError

PATIENCE_SECS = 60
PAST = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=5)
ENDLESS_BYTES = 64 * 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    """Serves the repository of `server.bench`."""

    protocol_version = "HTTP/1.0"

    def do_GET(self):
        bench = self.server.bench
        bench.requests.append(self.path)
        answer = bench.answers.get(self.path)
        if answer is None:
            answer = bench.fetch(self.path)
        if isinstance(answer, int):
            self.send_error(answer)
            return
        self.send_response(200)
        self.end_headers()
        try:
            if answer is ENDLESS:
                for _ in range(ENDLESS_BYTES // 65536):
                    self.wfile.write(b" " * 65536)
            else:
                self.wfile.write(answer)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def log_message(self, *_):
        pass


ENDLESS = object()


class Wrong(Exception):
    """The client did not do what it must."""


class Bench:
    """One repository and one client that knows its first root."""

    def __init__(self, command, server):
        self.command = command
        self.sim = RepositorySimulator()
        self.answers = {}
        self.requests = []
        self.verdict = None
        self.said = ""
        self.url = f"http://127.0.0.1:{server.server_port}"
        server.bench = self
        self.folder = tempfile.TemporaryDirectory()
        self.trusted_dir = Path(self.folder.name) / "metadata"
        self.target_dir = Path(self.folder.name) / "targets"
        self.trusted_dir.mkdir()
        self.target_dir.mkdir()
        self.init(self.sim.signed_roots[0])

    # What is served.

    def fetch(self, path):
        # A name may have `%20` of its own, or stand for a space.
        for candidate in (path, unquote(path)):
            try:
                return b"".join(self.sim._fetch(f"http://repository{candidate}"))
            except (DownloadHTTPError, ValueError, KeyError):
                continue
        return 404

    def publish_root(self):
        self.sim.root.version += 1
        self.sim.publish_root()

    def add_key(self, role, signer=None):
        signer = signer or CryptoSigner.generate_ed25519()
        self.sim.root.add_key(signer.public_key, role)
        self.sim.add_signer(role, signer)
        return signer

    def served(self, role, version=None):
        """The file of a role as an object, to be changed and put into `answers`."""
        return json.loads(self.sim.fetch_metadata(role, version))

    def answer(self, path, content):
        if isinstance(content, (dict, list)):
            content = json.dumps(content).encode()
        self.answers[f"/metadata/{path}"] = content

    # What the client does.

    def run(self, *arguments):
        done = subprocess.run(
            [*self.command, "--metadata-dir", self.trusted_dir, "--metadata-url", f"{self.url}/metadata/", *arguments],
            capture_output=True,
            timeout=PATIENCE_SECS,
            check=False,
        )
        self.said = done.stderr.decode(errors="replace").strip()
        if done.returncode not in (0, 1):
            raise Wrong(f"the client ended with {done.returncode}: {self.said}")
        if done.returncode == 1 and not self.said:
            raise Wrong("the client refused and did not say why")
        return done.returncode == 0

    def init(self, root):
        path = Path(self.folder.name) / "first.root.json"
        path.write_bytes(root)
        return self.run("init", path)

    def expect(self, took, must, trusted):
        self.verdict = "accept" if must else "reject"
        if took != must:
            raise Wrong(f"must {self.verdict}, but did not: {self.said or 'no message'}")
        for role, version in trusted.items():
            if self.trusted(role) != version:
                raise Wrong(f"trusts version {self.trusted(role)} of {role}, not {version}")

    def accept(self, **trusted):
        self.expect(self.run("refresh"), True, trusted)

    def reject(self, **trusted):
        self.expect(self.run("refresh"), False, trusted)

    def download(self, name):
        before = len(self.files())
        took = self.run("--target-name", name, "--target-base-url", f"{self.url}/targets/", "--target-dir", self.target_dir, "download")
        return took, len(self.files()) - before

    def accept_target(self, name, content, **trusted):
        took, _ = self.download(name)
        self.expect(took, True, trusted)
        if content not in [path.read_bytes() for path in self.files()]:
            raise Wrong("the target is not there")

    def reject_target(self, name, **trusted):
        took, appeared = self.download(name)
        self.expect(took, False, trusted)
        if appeared:
            raise Wrong("a file appeared that was not verified")

    def files(self):
        return [path for path in self.target_dir.rglob("*") if path.is_file()]

    def trusted(self, role):
        path = self.trusted_dir / f"{quote(role, '')}.json"
        return json.loads(path.read_bytes())["signed"]["version"] if path.exists() else None

    def close(self):
        self.folder.cleanup()


CASES = []


def case(function):
    CASES.append(function)
    return function


def main(command):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    counts = {"passed": 0, "failed": 0, "accept": 0, "reject": 0}
    for function in CASES:
        bench = Bench(command, server)
        problem = None
        try:
            function(bench)
        except (Wrong, subprocess.TimeoutExpired, FileNotFoundError) as wrong:
            problem = str(wrong)
        finally:
            bench.close()
        counts["failed" if problem else "passed"] += 1
        counts[bench.verdict or "reject"] += 1
        name = f"{function.__module__.removesuffix('_cases')}/{function.__name__}"
        remark = problem or (bench.said if bench.verdict == "reject" else "")
        print(f"{'FAILED' if problem else 'ok    '} must {bench.verdict or 'run   '}  {name}{': ' + remark if remark else ''}", flush=True)
    print(f"{len(CASES)} cases: " + json.dumps(counts))
    server.shutdown()
    sys.exit(1 if counts["failed"] else 0)
