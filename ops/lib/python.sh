#!/usr/bin/env bash
# A virtual environment with the TUF clients that the tests run, in target/python.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=target/python
[ -x $venv/bin/python ] || python3 -m venv $venv
$venv/bin/python -c 'import tuf, sys; sys.exit(tuf.__version__ != "7.0.0")' 2>/dev/null ||
    $venv/bin/pip install --quiet --disable-pip-version-check 'tuf==7.0.0' requests
