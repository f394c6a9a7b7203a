"""Drives rage's Python bindings: an implementation of age that nobody on this project wrote.

Usage: age_client.py make            prints a new identity and its recipient
       age_client.py decrypt FILE…   decrypts standard input for the identity in the first line of FILE, to standard output
"""

import sys
from pathlib import Path

import pyrage


def main() -> None:
    command, *files = sys.argv[1:]
    if command == "make":
        identity = pyrage.x25519.Identity.generate()
        print(identity, identity.to_public())
        return
    keys = [Path(file).read_text().splitlines()[0] for file in files]
    identities = [pyrage.x25519.Identity.from_str(key) for key in keys]
    sys.stdout.buffer.write(pyrage.decrypt(sys.stdin.buffer.read(), identities))


main()
