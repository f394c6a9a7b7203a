#!/usr/bin/env bash
# How often a good release is halted, and how many vehicles a bad one reaches, by the production planner over 10,000 campaigns.
set -euo pipefail
# As ops/test builds, so that nothing is compiled twice.
cargo build --quiet --locked --workspace --all-targets
exec "${CARGO_TARGET_DIR:-target}/debug/examples/halt"
