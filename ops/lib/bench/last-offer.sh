#!/usr/bin/env bash
# From the acknowledgement that halts a campaign to the last offer of two gateways, in ms, beside a poll's time. [ROUNDS]
set -euo pipefail
cargo build --quiet --locked --workspace --all-targets
exec python3 "$(dirname "$0")/last_offer.py" "${CARGO_TARGET_DIR:-target}/debug/otaru" "${1:-5}"
