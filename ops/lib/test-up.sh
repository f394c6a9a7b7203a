#!/usr/bin/env bash
# The main job, as a user runs it: `otaru up --once` over FLEET vehicles, on the embedded broker or on KAFKA. Fails unless
# the campaign completes, every vehicle is at an end, and the counters equal the rows.
# Usage: ops/lib/test-up.sh FLEET [KAFKA REPLICATION]
set -euo pipefail
cd "$(dirname "$0")/../.."
fleet=$1 kafka=${2:-} replication=${3:-1}

data=$(mktemp -d "${TMPDIR:-/tmp}/otaru-up-XXXXXX")
trap 'rm -rf "$data"' EXIT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

arguments=(--once --fleet "$fleet" --data-dir "$data")
for role in campaign gateway vehicle-state broker; do
    arguments+=("--$role-port" "$(free_port)")
done
[ -z "$kafka" ] || arguments+=(--kafka "$kafka" --kafka-replication "$replication")

target/debug/otaru up "${arguments[@]}" | tee "$data/out"
tail -n 1 "$data/out" | jq -e --argjson fleet "$fleet" '
    .state == "completed" and .assignments == .counters and .dead_letters == 0
    and ([.assignments[]] | add) == $fleet
    and ([.assignments | keys[]] - ["installed", "declined", "failed", "rolled_back", "timed_out"]) == []' >/dev/null
