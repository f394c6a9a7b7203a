"""Two gateways offer a bad release as fast as vehicles poll, until the engine halts its campaign.

The campaign halts at 20 failures, with the default leases. The first 20 vehicles that are offered it fail at once. From
when a gateway has answered for the 20th failure until the last answer with an offer is what is measured: the way of an
acknowledgement through broker, ingest, planner and both gateways.
"""

import json
import statistics
import sys
import threading
import time
from datetime import datetime, timedelta, timezone

from bench_servers import Api, locked_release, servers

FAILURES = 20
VEHICLES = 8000
POLLERS_PER_GATEWAY = 2
# Polls without an offer that show that there are no more.
ENOUGH_REFUSED = 500
# Longer than a halt may take, and than an offer that was missed.
AFTERWARDS_SECS = 3


def vin(number):
    return f"WVWZZZ1KZ{number:08d}"


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


def play(running, api, round_number):
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
    threads = [threading.Thread(target=poll, args=(port,)) for port in running.gateways * POLLERS_PER_GATEWAY]
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
    with servers(binary, more_gateways=1) as running:
        api = Api(running.campaign, running.token)
        locked_release(api, "bench")
        results = []
        for number in range(rounds):
            results.append(play(running, api, number))
            print(f"round {number + 1}: {json.dumps(results[-1])}", flush=True)
    times = sorted(result["last_offer_ms"] for result in results)
    print(json.dumps({
        "rounds": rounds, "gateways": 2, "last_offer_ms_median": statistics.median(times), "last_offer_ms_max": times[-1],
        "poll_ms_median": statistics.median(result["poll_ms"] for result in results),
        "offers_median": statistics.median(result["offers"] for result in results),
    }))


main()
