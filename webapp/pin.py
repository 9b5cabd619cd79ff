"""The pin: dvc.lock holds size and md5 of models/scorecard.json, and not a byte of it is parsed before they match."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from webapp.scoring.scorecard import Scorecard

SCORECARD = "models/scorecard.json"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader, ten times as fast, where PyYAML has it
FIX = f"run `dvc repro` or `dvc pull {SCORECARD}`"


class PinError(Exception):
    """The scorecard is not the one that dvc.lock pins; the message is one line that says what to run."""


class Pinned(NamedTuple):
    """The scorecard and the md5 by which dvc.lock pins it."""

    card: Scorecard
    md5: str


def load_pinned(root: Path) -> Pinned:
    """Load the scorecard of the checkout at `root`.

    Raises:
        PinError: dvc.lock or the file is missing or malformed, or they disagree.
    """
    pin = read_pin(root / "dvc.lock")
    try:
        content = (root / SCORECARD).read_bytes()
    except OSError as error:
        raise PinError(f"{SCORECARD}: {error.strerror}; {FIX}") from None
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    for name, found, expected in (("size", len(content), pin["size"]), ("md5", md5, pin["md5"])):
        if found != expected:
            raise PinError(f"{SCORECARD}: {name} {found}, but dvc.lock pins {expected}; {FIX}")
    try:
        return Pinned(parse_scorecard(content), md5)
    except ValueError as error:
        raise PinError(f"{SCORECARD}: {error}; another version of the code wrote it; run `dvc repro`") from None


def parse_scorecard(content: bytes) -> Scorecard:
    """Parse the bytes of a scorecard.

    Raises:
        ValueError: the content is not a scorecard of this version; the message is one line.
    """
    try:
        return Scorecard.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"{place}: {first['msg']}") from None


def read_pin(lock: Path) -> dict[str, Any]:
    """Read the scorecard's `size` and `md5` from dvc.lock.

    Raises:
        PinError: there is no such entry, or its form is unknown.
    """
    try:
        content = yaml.load(lock.read_bytes(), LOADER)
    except OSError as error:
        raise PinError(f"dvc.lock: {error.strerror}; run `dvc repro`, or `git checkout dvc.lock`") from None
    except yaml.YAMLError:
        raise PinError("dvc.lock: not YAML; run `git checkout dvc.lock`, or `dvc repro`") from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != "2.0":
        raise PinError(f"dvc.lock: schema {schema!r}, expected '2.0'; run `dvc repro` with the locked version of DVC")
    stages = content.get("stages") or {}
    outs = [out for stage in stages.values() for out in stage.get("outs", []) if out.get("path") == SCORECARD]
    if len(outs) != 1:
        raise PinError(f"dvc.lock: pins {SCORECARD} {len(outs)} times, expected once; run `dvc repro`")
    pin: dict[str, Any] = outs[0]
    if pin.get("hash") != "md5" or not isinstance(pin.get("md5"), str) or not isinstance(pin.get("size"), int):
        raise PinError(f"dvc.lock: {SCORECARD} has no md5 and size of a known kind; run `dvc repro`")
    if pin["md5"].endswith(".dir"):
        raise PinError(f"dvc.lock: {SCORECARD} is pinned as a directory, expected a file; run `dvc repro`")
    return pin
