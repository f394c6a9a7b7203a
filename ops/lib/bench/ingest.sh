#!/usr/bin/env bash
# Acknowledgements a second into 1M assignments, against a bare loop of 5,000-row updates. [VEHICLES]
set -euo pipefail
# As ops/test builds, so that nothing is compiled twice.
cargo build --quiet --locked --workspace --all-targets
exec "${CARGO_TARGET_DIR:-target}/debug/examples/ingest" "$@"
