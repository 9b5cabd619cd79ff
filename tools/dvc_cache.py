"""The objects in DVC's cache, checked against their names, which are their md5: DVC trusts them unread.

Run: python -m tools.dvc_cache     (before `dvc repro`, which would replace a good output with a damaged object)
"""

import json
import sys
import time
from pathlib import Path

import dvc.config
from dvc.exceptions import DvcException
from dvc.repo import Repo

from stages.utils.errors import PipelineError
from stages.utils.files import md5_of

RWLOCK = Path(".dvc/tmp/rwlock")  # which files the running DVC commands read and write
SECONDS = 10  # for reading the cache before other work


def cache_dir() -> Path:
    """Return the folder where DVC keeps its objects."""
    return Path(dvc.config.Config(dvc_dir=".dvc")["cache"].get("dir", ".dvc/cache"), "files", "md5")


def object_path(md5: str) -> Path:
    """Return the path of an object in the cache."""
    return cache_dir() / md5[:2] / md5[2:]


def is_intact(md5: str) -> bool:
    """Return True if an object is in the cache and has the content that its name promises."""
    path = object_path(md5)
    return path.is_file() and md5_of(path) == md5.removesuffix(".dir")


def tracked() -> dict[str, str]:
    """Map md5 to path, for all outputs; for the files of a directory too, if its listing is cached.

    Outputs in git are among them: DVC keeps copies in its cache, from which it restores what a stage wrote before.

    Raises:
        PipelineError: dvc.yaml cannot be read, or dvc.lock (DVC rewrites it in place, and a full disk leaves it empty).
    """
    try:
        with Repo() as repo:
            outs = [out for out in repo.index.outs if out.hash_info]
            found = {str(out.hash_info.value): str(out) for out in outs}
            for out in outs:
                if out.is_dir_checksum and is_intact(out.hash_info.value):
                    found |= {entry.value: f"{out}/{'/'.join(key)}" for key, _, entry in out.get_obj()}
            return found
    except DvcException as error:
        said = " ".join(str(error).split())
        fix = "run `git checkout dvc.lock`" if "dvc.lock" in said else "`dvc status` tells more"
        raise PipelineError(f"{said}; {fix}") from None


def check_cache(seconds: float = float("inf")) -> str:
    """Read the cached objects, small ones first, for this many seconds; return how many were read.

    Raises:
        PipelineError: an object is damaged, or dvc.lock cannot be read.
    """
    end = time.monotonic() + seconds
    objects = {md5: path for md5, path in tracked().items() if object_path(md5).is_file()}
    damaged, read = {}, 0
    for md5, path in sorted(objects.items(), key=lambda item: object_path(item[0]).stat().st_size):
        if time.monotonic() > end:
            break
        read += 1
        if not is_intact(md5):
            damaged[str(object_path(md5))] = path
    if damaged:  # the outputs have to go too: DVC believes that it knows them
        files = " ".join(sorted([*damaged, *damaged.values()]))
        raise PipelineError(
            f"damaged in the cache: {', '.join(sorted(damaged.values()))}; run `rm -f {files}`, then `make pull`, or "
            "`make repro`"
        )
    return f"{read} of {len(objects)} objects read, none damaged"


def check_rwlock() -> None:
    """Check that DVC can read its list of files in use: it writes that in place, and a kill may leave it empty.

    Raises:
        PipelineError: it cannot.
    """
    try:
        json.loads(RWLOCK.read_bytes() if RWLOCK.exists() else b"{}")
    except ValueError:
        raise PipelineError(f"{RWLOCK}: a DVC that was killed has left it half-written; run `rm {RWLOCK}`") from None


if __name__ == "__main__":
    try:
        check_rwlock()
        check_cache(SECONDS)
    except PipelineError as error:
        sys.exit(str(error))
