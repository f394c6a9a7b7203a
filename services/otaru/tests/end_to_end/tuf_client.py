"""Drives python-tuf's ngclient against a gateway: a TUF client that nobody on this project wrote.

Usage: tuf_client.py METADATA_URL TARGETS_URL ROOT_FILE WORK_DIR TARGET...
Prints one JSON object: the targets' lengths, or the name of the error.
"""

import json
import sys
from pathlib import Path

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater, UpdaterConfig


def main() -> None:
    metadata_url, targets_url, root_file, work_dir, *names = sys.argv[1:]
    work = Path(work_dir)
    for folder in ("metadata", "targets"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    try:
        updater = Updater(
            metadata_dir=str(work / "metadata"),
            metadata_base_url=metadata_url,
            target_dir=str(work / "targets"),
            target_base_url=targets_url,
            config=UpdaterConfig(),
            bootstrap=Path(root_file).read_bytes(),
        )
        updater.refresh()
        lengths = {}
        for name in names:
            info = updater.get_targetinfo(name)
            if info is None:
                print(json.dumps({"error": "UnknownTarget", "name": name}))
                return
            lengths[name] = Path(updater.download_target(info)).stat().st_size
        print(json.dumps({"targets": lengths}))
    except (RepositoryError, DownloadError) as error:
        print(json.dumps({"error": type(error).__name__, "detail": str(error)}))


main()
