#!/usr/bin/env bash
# Seconds for a rehearsal of a million vehicles, and how often the 80 % band of forecasts held the end of simulated campaigns.
set -euo pipefail
# As ops/test builds, so that nothing is compiled twice.
cargo build --quiet --locked --workspace --all-targets
exec "${CARGO_TARGET_DIR:-target}/debug/examples/rehearse"
