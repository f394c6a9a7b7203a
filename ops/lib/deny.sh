#!/usr/bin/env bash
# What the dependencies may be, by ops/deny.toml: licences, sources, bans; known vulnerabilities where their database can
# be reached. cargo-deny is built into target/cargo-deny the first time.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=0.20.2
deny=target/cargo-deny/bin/cargo-deny
if [ "$($deny --version 2>/dev/null)" != "cargo-deny $version" ]; then
    # Without lines for a debugger it takes a fraction.
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 cargo install --quiet --locked --debug --root target/cargo-deny --target-dir target/cargo-deny/build "cargo-deny@$version"
    rm -rf target/cargo-deny/build
fi
$deny --offline --config ops/deny.toml check licenses bans sources
if timeout 10 git ls-remote --quiet --exit-code https://github.com/rustsec/advisory-db HEAD >/dev/null 2>&1; then
    $deny --config ops/deny.toml check advisories
else
    echo 'SKIPPED: advisories, whose database cannot be reached'
fi
