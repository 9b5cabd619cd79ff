"""The objects in DVC's cache against their names, which are their md5: DVC trusts what lies there unread."""

import json
import time
from pathlib import Path
from typing import NamedTuple

import dvc.config
from ruamel.yaml import YAML

from stages.utils.files import md5_of


class Checked(NamedTuple):
    """What was found: the damaged objects with the paths of their outputs; how many objects were read of how many."""

    damaged: dict[Path, str]
    read: int
    all: int

    @property
    def mend(self) -> str:
        """What is damaged, and the way out: the outputs go too, because DVC believes that it knows them."""
        files = " ".join(sorted([*map(str, self.damaged), *self.damaged.values()]))
        return f"{', '.join(sorted(self.damaged.values()))}; run `rm -f {files}`, then `make pull`, or `make repro`"


def cache_dir() -> Path:
    """Where DVC keeps its objects here."""
    return Path(dvc.config.Config(dvc_dir=".dvc")["cache"].get("dir", ".dvc/cache"), "files", "md5")


def object_path(md5: str) -> Path:
    """Where an object lies in the cache."""
    return cache_dir() / md5[:2] / md5[2:]


def tracked() -> dict[str, str]:
    """md5 -> path of all that dvc.lock and the .dvc files name; the files of a directory too, if it is in the cache.

    Raises:
        ValueError: dvc.lock is empty (DVC rewrites it in place, and a full disk cuts it short).
    """
    yaml = YAML(typ="safe", pure=True)
    lock = yaml.load(Path("dvc.lock"))
    if not lock:
        raise ValueError("dvc.lock is empty; run `git checkout dvc.lock`")
    outs = [out for stage in lock["stages"].values() for out in stage.get("outs", [])]
    for file in Path("data").rglob("*.dvc"):
        outs += [{**out, "path": str(file.parent / out["path"])} for out in yaml.load(file).get("outs", [])]
    found = {out["md5"]: out["path"] for out in outs if out.get("md5")}
    for md5, path in list(found.items()):
        if md5.endswith(".dir") and is_intact(md5):
            found |= {entry["md5"]: f"{path}/{entry['relpath']}" for entry in json.loads(object_path(md5).read_text())}
    return found


def is_intact(md5: str) -> bool:
    """Whether an object is there and is what its name says."""
    path = object_path(md5)
    return path.is_file() and md5_of(path) == md5.removesuffix(".dir")


def check_objects(seconds: float = float("inf")) -> Checked:
    """Read the objects that are in the cache, small ones first, for so many seconds.

    Raises:
        ValueError: see `tracked`.
    """
    end = time.monotonic() + seconds
    objects = {md5: (object_path(md5), path) for md5, path in tracked().items() if object_path(md5).is_file()}
    damaged, read = {}, 0
    for md5, (place, path) in sorted(objects.items(), key=lambda item: item[1][0].stat().st_size):
        if time.monotonic() > end:
            break
        read += 1
        if not is_intact(md5):
            damaged[place] = path
    return Checked(damaged, read, len(objects))
