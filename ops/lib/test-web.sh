#!/usr/bin/env bash
# The dashboard in Debian's Chromium: the real server, a simulated fleet, a day of an admin. Pictures of every page, light
# and dark, wide and narrow, are under target/screenshots afterwards. OTARU_BINARY names another binary to test.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${OTARU_BINARY:-target/debug/otaru}

data=$(mktemp -d "${TMPDIR:-/tmp}/otaru-web-XXXXXX")
server=
stop() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$data"; }
trap stop EXIT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
campaign=$(free_port) gateway=$(free_port)

rm -rf target/screenshots
: >"$data/out"
"$binary" up --empty --data-dir "$data" --campaign-port "$campaign" --gateway-port "$gateway" \
    --vehicle-state-port "$(free_port)" --broker-port "$(free_port)" >"$data/out" 2>"$data/log" &
server=$!
until grep -q 'Otaru stays up' "$data/out"; do
    kill -0 "$server" 2>/dev/null || { tail -n 50 "$data/log"; exit 1; }
    sleep 0.2
done

OTARU_URL=http://127.0.0.1:$campaign OTARU_GATEWAY=http://127.0.0.1:$gateway OTARU_TOKEN=$(cat "$data/admin-token") \
    OTARU_PID=$server OTARU_BINARY=$(realpath "$binary") npm --prefix web run --silent test:browser
