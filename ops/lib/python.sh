#!/usr/bin/env bash
# A virtual environment with the TUF clients that the tests run and with another implementation of age, in target/python;
# beside it the simulator of bad repositories, which only the source distribution has.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=target/python
[ -x $venv/bin/python ] || python3 -m venv $venv
$venv/bin/python -c 'import cryptography, pyrage, tuf, sys; sys.exit(tuf.__version__ != "7.0.0")' 2>/dev/null ||
    $venv/bin/pip install --quiet --disable-pip-version-check 'tuf==7.0.0' requests cryptography 'pyrage==1.4.0'
simulator=$venv/simulator
if [ ! -e $simulator/repository_simulator.py ]; then
    rm -rf $simulator && mkdir -p $simulator
    $venv/bin/pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest $simulator 'tuf==7.0.0'
    tar -xzf $simulator/tuf-7.0.0.tar.gz -C $simulator --strip-components=2 tuf-7.0.0/tests/repository_simulator.py
fi
