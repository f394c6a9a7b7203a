"""Two gateways offer a bad release as fast as vehicles poll, until the engine halts its campaign.

The campaign halts at 20 failures, with the default leases. The first 20 vehicles that are offered it fail at once. From
when a gateway has answered for the 20th failure until the last answer with an offer is what is measured: the way of an
acknowledgement through broker, ingest, planner and both gateways.
"""

import http.client
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

FAILURES = 20
VEHICLES = 8000
POLLERS_PER_GATEWAY = 2
# Polls without an offer that show that there are no more.
ENOUGH_REFUSED = 500
# Longer than a halt may take, and than an offer that was missed.
AFTERWARDS_SECS = 3


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


def vin(number):
    return f"WVWZZZ1KZ{number:08d}"


class Servers:
    """`otaru up`, and one more gateway beside its own."""

    def __init__(self, binary, folder):
        self.folder, self.processes = folder, []
        database = self.start([binary, "embedded", "--postgres", "--data-dir", f"{folder}/postgres"], "postgres")
        url = self.wait(lambda: json.loads((folder / "postgres.out").read_text())["database_url"])
        self.campaign, self.gateways, broker = free_port(), [free_port(), free_port()], free_port()
        self.start([binary, "up", "--empty", "--data-dir", f"{folder}/up", "--database-url", url,
                    "--campaign-port", str(self.campaign), "--gateway-port", str(self.gateways[0]),
                    "--vehicle-state-port", str(free_port()), "--broker-port", str(broker)], "up")
        self.wait(lambda: "Otaru stays up" in (folder / "up.out").read_text())
        self.start([binary, "gateway", "--listen", f"127.0.0.1:{self.gateways[1]}", "--database-url", url,
                    "--kafka", f"127.0.0.1:{broker}", "--kafka-property", "message.max.bytes=5000000",
                    "--kafka-property", "fetch.wait.max.ms=100",
                    "--artifacts", f"file://{folder}/up/artifacts"], "gateway")
        self.wait(lambda: self.ready(self.gateways[1]))
        self.token = (folder / "up" / "admin-token").read_text().strip()
        self.database = database

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


def prepare(api, round_number):
    """Vehicles with their tokens, and a running campaign for them."""
    tag = f"round-{round_number}"
    vins = [vin(round_number * VEHICLES + number) for number in range(VEHICLES)]
    lines = "".join(json.dumps({"vin": one, "model": "bench", "tags": [tag]}) + "\n" for one in vins)
    report = api.call("POST", "/api/v1/vehicles/import?credentials=true", lines, content_type="application/x-ndjson")
    tokens = [line["token"] for line in report["lines"]]
    campaign = api.call("POST", "/api/v1/campaigns", {
        "name": tag, "release": 1, "target": f'"{tag}" in tags', "waves": [{}],
        "deadline": (datetime.now(timezone.utc) + timedelta(days=1)).isoformat(),
        "policy": {"halt": {"thresholds": [{"failed_ratio": 0.5, "of": "finished", "min_finished": FAILURES}]}},
    })["id"]
    api.call("POST", f"/api/v1/campaigns/{campaign}/start", {"reason": "bench"})
    while not api.call("GET", f"/api/v1/campaigns/{campaign}")["waves"][0]["opened_at"]:
        time.sleep(0.05)
    return campaign, list(zip(vins, tokens))


def play(servers, api, round_number):
    campaign, vehicles = prepare(api, round_number)
    lock, queue = threading.Lock(), iter(vehicles)
    failed, offers, polls = [], [], []
    stop = threading.Event()

    def poll(port):
        gateway = Api(port, "")
        while not stop.is_set():
            with lock:
                one = next(queue, None)
            if one is None:
                return
            name, token = one
            began = time.monotonic()
            update = gateway.call("GET", f"/vehicle/v1/{name}/update", token=token)
            ended = time.monotonic()
            polls.append(ended - began)
            if not update:
                continue
            offers.append(ended)
            with lock:
                fails = len(failed) < FAILURES and failed.append(None) is None
            if fails:
                ack = {"campaign": campaign, "attempt": update["attempt"], "sequence": 1, "state": "failed",
                       "error_code": "bench"}
                gateway.call("POST", f"/vehicle/v1/{name}/acks", ack, token=token)
                acked.append(time.monotonic())

    acked = []
    threads = [threading.Thread(target=poll, args=(port,)) for port in servers.gateways * POLLERS_PER_GATEWAY]
    for thread in threads:
        thread.start()
    while api.call("GET", f"/api/v1/campaigns/{campaign}")["state"] != "halted":
        time.sleep(0.05)
    time.sleep(AFTERWARDS_SECS)
    stop.set()
    for thread in threads:
        thread.join()
    if len(polls) - len(offers) < ENOUGH_REFUSED:
        sys.exit("too few vehicles polled after the halt: the figure would say nothing")
    return {
        "last_offer_ms": round((max(offers) - max(acked)) * 1000), "offers": len(offers),
        "poll_ms": round(statistics.median(polls) * 1000, 1), "refused_polls": len(polls) - len(offers),
    }


def main():
    binary, rounds = sys.argv[1], int(sys.argv[2])
    folder = Path(tempfile.mkdtemp(prefix="otaru-bench-"))
    folder.chmod(0o755)
    servers = Servers(binary, folder)
    try:
        api = Api(servers.campaign, servers.token)
        api.call("POST", "/api/v1/models", {"id": "bench", "name": "Bench", "hardware": [{"hardware_id": "BCM", "name": "b"}]})
        image = api.call("POST", "/api/v1/artifacts?file_name=bad.bin", b"bad firmware", content_type="application/octet-stream")
        api.call("POST", "/api/v1/releases", {
            "name": "Bad", "version": "1", "models": ["bench"],
            "images": [{"hardware_id": "BCM", "sha256": image["sha256"], "version": "1"}],
        })
        api.call("POST", "/api/v1/releases/1/lock", {})
        results = []
        for number in range(rounds):
            results.append(play(servers, api, number))
            print(f"round {number + 1}: {json.dumps(results[-1])}", flush=True)
    finally:
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)
    times = sorted(result["last_offer_ms"] for result in results)
    print(json.dumps({
        "rounds": rounds, "gateways": 2, "last_offer_ms_median": statistics.median(times), "last_offer_ms_max": times[-1],
        "poll_ms_median": statistics.median(result["poll_ms"] for result in results),
        "offers_median": statistics.median(result["offers"] for result in results),
    }))


main()
