#!/usr/bin/env bash
# Until the page of a running campaign is there, in Chromium and per call, in ms. [VEHICLES]
set -euo pipefail
cargo build --quiet --locked --workspace --all-targets
exec python3 "$(dirname "$0")/open_campaign.py" "${CARGO_TARGET_DIR:-target}/debug/otaru" "${1:-1000000}"
