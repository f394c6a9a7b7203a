"""A campaign of a million vehicles that runs, and how long an admin waits until its page is there.

The vehicles and what became of them are written by SQL, once, as the ingest would have left them: nine in ten installed,
some failed with a log, some still under way. Measured are the page in Chromium, from the click on its address on, and
each of the calls that it makes.
"""

import json
import statistics
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from bench_servers import Api, locked_release, servers

ROUNDS = 7
CALLS = ["", "/events?limit=1000", "/failures", "/drops", "/burn-up", "/assignments?limit=200", "/triage", "/excluded?limit=50",
         "/forecast", "/forecasts", "/steps"]

VEHICLES = """
INSERT INTO vehicles (vin, model_id, model_year, region, created_at, updated_at)
SELECT 'WVWZZZ1KZ' || lpad(n::text, 8, '0'), 'bench', 2020 + n % 6, (ARRAY['EU', 'UK', 'US'])[1 + n % 3], now(), now()
  FROM generate_series(1, {vehicles}) AS n;
INSERT INTO vehicle_ecus (vehicle_id, hardware_id, version, version_key, reported_at)
SELECT id, 'BCM', '0.' || id % 4, '30030' || CASE WHEN id % 4 = 0 THEN '1' ELSE '301' || id % 4 || '1' END, now() FROM vehicles;
INSERT INTO vehicle_ecu_history (vehicle_id, hardware_id, valid_from, version)
SELECT vehicle_id, hardware_id, now() - interval '30 d', version FROM vehicle_ecus;
TRUNCATE vehicle_changes;
VACUUM ANALYZE vehicles; VACUUM ANALYZE vehicle_ecus; VACUUM ANALYZE vehicle_ecu_history;
"""

# Six hours of a rollout. The state follows from the vehicle's number, so that every run measures the same.
COURSE = """
BEGIN;
INSERT INTO assignments (vehicle_id, campaign_id, wave, assigned_at, updated_at)
SELECT vehicle_id, 1, wave, now(), now() FROM campaign_members WHERE campaign_id = 1 ON CONFLICT DO NOTHING;
UPDATE assignments a SET assigned_at = now() - interval '6 h', state = s.state, step = s.step, exit = s.exit, sequence = 5,
       updated_at = now() - interval '1 s' * (vehicle_id * 7919 % 21600)
  FROM (SELECT n, (ARRAY['installed', 'failed', 'declined', 'downloading', 'installing'])[k] AS state,
               (ARRAY['installed', 'installing', 'offered', 'downloading', 'installing'])[k] AS step,
               (ARRAY[NULL, 'failed', 'declined', NULL, NULL])[k] AS exit
          FROM (SELECT n, CASE WHEN n < 90 THEN 1 WHEN n < 93 THEN 2 WHEN n < 94 THEN 3 WHEN n < 98 THEN 4 ELSE 5 END AS k
                  FROM generate_series(0, 99) AS n) AS kinds) AS s
 WHERE a.campaign_id = 1 AND s.n = a.vehicle_id % 100;
INSERT INTO assignment_failures (campaign_id, vehicle_id, attempt, sequence, state, error_code, log, at)
SELECT 1, vehicle_id, 1, 5, state, (ARRAY['flash_write_error', 'battery_low', 'ecu_timeout', 'no_space'])[1 + vehicle_id / 100 % 4],
       'flash: write of block ' || vehicle_id || ' failed', updated_at
  FROM assignments WHERE campaign_id = 1 AND state IN ('failed', 'declined');
INSERT INTO ack_history (vehicle_id, ack_id, campaign_id, attempt, sequence, origin, state, received_at)
SELECT vehicle_id, gen_random_uuid(), 1, 1, 4, 'vehicle', step, updated_at
  FROM assignments WHERE campaign_id = 1 AND state IN ('failed', 'declined');
DELETE FROM assignment_counters WHERE campaign_id = 1;
INSERT INTO assignment_counters (campaign_id, wave, state, partition, vehicles)
SELECT 1, wave, state, vehicle_id % 6, count(*) FROM assignments WHERE campaign_id = 1 GROUP BY 2, 3, 4;
UPDATE campaigns SET started_at = now() - interval '6 h' WHERE id = 1;
UPDATE campaign_waves SET opened_at = now() - interval '6 h' + interval '1 h' * (number - 1) WHERE campaign_id = 1;
COMMIT;
VACUUM ANALYZE assignments; VACUUM ANALYZE assignment_failures; VACUUM ANALYZE ack_history; CHECKPOINT;
"""


def sql(url, text):
    for statement in filter(str.strip, [text] if text.lstrip().startswith("BEGIN") else text.split(";")):
        subprocess.run(["psql", "--quiet", "--set", "ON_ERROR_STOP=1", url], input=statement.encode() + b";", check=True)


def prepare(running, api, vehicles):
    release = locked_release(api, "bench")
    sql(running.url, VEHICLES.format(vehicles=vehicles))
    waves = [{"share_ratio": share, "gate_installed_ratio": 0.5} for share in (0.05, 0.25, 0.7)]
    deadline = (datetime.now(timezone.utc) + timedelta(days=7)).isoformat()
    policy = {"halt": {"thresholds": [{"failed_ratio": 0.5, "of": "wave"}]}}
    body = {"name": "A million", "release": release, "target": "true", "waves": waves, "deadline": deadline, "policy": policy}
    api.call("POST", "/api/v1/campaigns", body)
    # It takes its vehicles in one statement, which may take longer than an answer is waited for.
    print("freezing the membership", flush=True)
    api.call("POST", "/api/v1/campaigns/1/start", {})
    while not api.call("GET", "/api/v1/campaigns/1")["waves"][0]["opened_at"]:
        time.sleep(0.5)
    print("writing what became of the vehicles", flush=True)
    course, after = COURSE.split("COMMIT;")
    sql(running.url, course.lstrip() + "COMMIT")
    sql(running.url, after)


def calls(api):
    """Milliseconds of each call, the median of some."""
    told = {}
    for call in CALLS:
        times = []
        for _ in range(ROUNDS):
            began = time.monotonic()
            api.call("GET", f"/api/v1/campaigns/1{call}")
            times.append((time.monotonic() - began) * 1000)
        told[call.split("?")[0].lstrip("/") or "campaign"] = round(statistics.median(times))
    return told


def main():
    binary, vehicles = sys.argv[1], int(sys.argv[2])
    with servers(binary) as running:
        api = Api(running.campaign, running.token)
        prepare(running, api, vehicles)
        per_call = calls(api)
        print(json.dumps(per_call), flush=True)
        script = Path(__file__).with_name("open_campaign.mjs")
        address = f"http://127.0.0.1:{running.campaign}"
        page = subprocess.run(["node", script, address, running.token, str(ROUNDS)], stdout=subprocess.PIPE, check=True)
    print(json.dumps({"vehicles": vehicles, **json.loads(page.stdout), "calls_ms": per_call}))


main()
