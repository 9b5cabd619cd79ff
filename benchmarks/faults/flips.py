"""Flipped bytes: in DVC's cache, in the bucket, in the scorecard, in parts, moments and models."""

import random
import re
from pathlib import Path

from benchmarks.faults.ground import LINE, WRONG, Found, Ground, TooLate, run
from tests.helpers.pipeline import digests
from tests.helpers.servers import BUCKET, client

CHECK = ("python", "-m", "tools.transfer")
SCORECARD = "models/scorecard.json"


def flipped(content: bytes, chance: random.Random) -> tuple[bytes, str]:
    """Change one byte; return the bytes, and which one has changed."""
    if not content:
        raise TooLate
    place = chance.randrange(len(content))
    byte = content[place] ^ chance.randrange(1, 256)
    return content[:place] + bytes([byte]) + content[place + 1 :], f"byte {place} of {len(content)}"


def flip(path: Path, chance: random.Random) -> str:
    """Change one byte of a file, which keeps its mode; return which one."""
    content, where = flipped(path.read_bytes(), chance)
    mode = path.stat().st_mode
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(mode)
    return where


def flip_cache(ground: Ground, chance: random.Random) -> Found:
    """DVC believes its cache: `make repro`, sweeps and `make push` must refuse, and what they say must put it right."""
    project = ground.copy()
    path = chance.choice(sorted((project.path / ".dvc/cache/files/md5").glob("??/*")))
    what = f"cache: {flip(path, chance)} of {path.parent.name}{path.name}"
    refusing = [("python", "-m", "tools.dvc_cache"), (*CHECK, "push"), ("python", "-m", "tools.sweep", "train.alpha=1")]
    command = chance.choice(refusing)
    refused = run(project, *command)
    fix = re.search(r"damaged in the cache: .*; run `(rm -f [^`]+)`", refused.line)
    if fix is None:
        return Found(what, WRONG, f"{command} ended with {refused}")
    run(project, "sh", "-c", fix[1])
    return ground.judge(project, f"{what}; {' '.join(command[2:])}: {refused.line}", "dvc", "repro", end=LINE)


def flip_bucket(ground: Ground, chance: random.Random) -> Found:
    """`make pull` must not bring damaged bytes, and must say which output has them."""
    s3, objects = client(ground.pushed), ground.objects
    key = chance.choice(sorted(objects))
    content, where = flipped(objects[key], chance)
    clone = ground.clone(ground.built)
    s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    try:
        refused = run(clone, *CHECK, "pull")
    finally:
        s3.put_object(Bucket=BUCKET, Key=key, Body=objects[key])
    what = f"bucket: {where} of {key[-35:]}: {refused.line}"
    found = digests(clone).items()
    brought = [
        path for path, md5 in found if md5 != ground.bytes.get(path) and str(Path(path).parent) not in refused.line
    ]
    if brought or "damaged or unreadable in the bucket" not in refused.line:
        return Found(what, WRONG, f"brought: {brought}; {refused}")
    return ground.judge(clone, what, *CHECK, "pull", end=LINE)


def flip_scorecard(ground: Ground, chance: random.Random) -> Found:
    """The web app must refuse to start; `dvc repro` must bring the scorecard back."""
    project = ground.copy()
    where = flip(project.path / SCORECARD, chance)
    refused = run(project, "gunicorn", "--check-config")
    what = f"scorecard: {where}: {refused.line}"
    if not refused.code or "but dvc.lock pins" not in refused.text:
        return Found(what, WRONG, str(refused))
    return ground.judge(project, what, "dvc", "repro", end=LINE)


def flip_output(ground: Ground, chance: random.Random) -> Found:
    """`dvc repro` must bring the right bytes back."""
    project = ground.copy()
    folders = ("data/raw", "data/valid", "data/quarantine", "data/train", "data/test")
    choices = [*(f"{folder}/part-00000.parquet" for folder in folders), "data/moments.npz", "data/training_sets.npz"]
    choices += [str(path.relative_to(project.path)) for path in sorted((project.path / "models").glob("*.joblib"))]
    name = chance.choice(choices)
    what = f"{name}: {flip(project.path / name, chance)}"
    return ground.judge(project, what, "dvc", "repro", *["--force"] * (chance.random() < 0.05))
