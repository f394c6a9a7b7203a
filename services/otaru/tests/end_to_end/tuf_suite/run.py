"""Drives a TUF client through good and bad repositories, in the areas of the public suite for such clients.

Usage: run.py SIMULATOR_DIR COMMAND...
Prints a line per case and the counts; ends with 1 when the client took what it must refuse, or the other way round.
"""

import sys

sys.path.insert(0, sys.argv[1])

import bench  # noqa: E402
import root_cases, timestamp_cases, snapshot_cases, delegation_cases, target_cases, format_cases  # noqa: E401,E402,F401

bench.main(sys.argv[2:])
