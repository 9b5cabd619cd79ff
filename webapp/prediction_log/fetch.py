"""Copy a file of a bucket or a folder to this machine: python -m webapp.prediction_log.fetch s3://BUCKET/KEY FILE

A process of its own, so that the web app needs no S3 client.
"""

import os
import shutil
import signal
import sys

from webapp.prediction_log.store import first_line, open_folder

LONGEST = 60  # seconds


def main(address: str, target: str) -> None:
    """Copy the file; the target is replaced when the copy is whole."""
    signal.alarm(LONGEST)
    files, path = open_folder(address)
    try:
        with files.open_input_stream(path) as source, open(f"{target}.new", "wb") as copy:  # noqa: PTH123
            shutil.copyfileobj(source, copy)
    except OSError as error:
        sys.exit(f"{address}: {first_line(error)}")
    os.replace(f"{target}.new", target)


if __name__ == "__main__":
    main(*sys.argv[1:])
