"""Settings files: YAML 1.2 (what DVC reads), checked as a whole by a pydantic model.

An error names the file, the key, the value found, the values allowed and the nearest correct spelling.
"""

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.utils.errors import SettingsError, did_you_mean

SettingsModel = TypeVar("SettingsModel", bound=BaseModel)


class Settings(BaseModel):
    """Base of every settings model: unknown keys and implicit conversions are errors; values are immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def read_settings(path: Path, model: type[SettingsModel]) -> SettingsModel:
    """Read a YAML 1.2 file into its model.

    Raises:
        SettingsError: the file is missing, is not YAML, or does not fit the model.
    """
    return check_settings(load_yaml(path), model, path)


def load_yaml(path: Path) -> Any:
    """Read a YAML 1.2 file, unchecked.

    Raises:
        SettingsError: the file is missing or is not YAML.
    """
    try:
        content = deepcopy(parse(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise SettingsError(f"{path}: not found; run from the repository's root, or `git restore {path}`") from None
    except (YAMLError, ValueError) as error:
        raise SettingsError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None
    return {} if content is None else content


@lru_cache(maxsize=8)
def parse(text: str) -> Any:
    """Parse YAML 1.2 once: a stage reads params.yaml up to eight times, and each parse takes milliseconds."""
    return YAML(typ="safe", pure=True).load(text)


def check_settings(content: Any, model: type[SettingsModel], path: Path) -> SettingsModel:
    """Turn the content of a settings file into its model.

    Raises:
        SettingsError: the content does not fit the model.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first, *others = (explain(item, content, model) for item in without_other_branches(error.errors()))
        more = f" (and {len(others)} more: {'; '.join(others)})" if others else ""
        raise SettingsError(f"{path}: {first}{more}") from None


def without_other_branches(errors: list[Any]) -> list[Any]:
    """Drop the errors of a union's simple types where the value is a mapping and was meant as one."""
    places = [error["loc"] for error in errors]
    return [
        error
        for error, place in zip(errors, places, strict=True)
        if not any(place[:-1] == other[: len(place) - 1] and len(place) < len(other) for other in places)
    ]


def explain(error: Any, content: Any, model: type[BaseModel]) -> str:
    """Return one of pydantic's errors as `key: found …; expected …; did you mean …?`."""
    where = readable_path(error["loc"], content)
    found, kind, context = error["input"], error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        allowed = allowed_keys(model, error["loc"][:-1])
        return f"{where}: unknown key; allowed: {', '.join(allowed)}{did_you_mean(str(error['loc'][-1]), allowed)}"
    if kind == "missing":
        return f"{where}: missing; add this key"
    if kind == "literal_error":
        allowed = [part.strip(" '") for part in context["expected"].replace(" or ", ", ").split(",")]
        return f"{where}: found {found!r}; allowed: {', '.join(allowed)}{did_you_mean(str(found), allowed)}"
    if kind == "value_error":
        return f"{where}: {context['error']}" if where else str(context["error"])
    expected = error["msg"].removeprefix("Input should be ").replace("Input should", "should")
    return f"{where or 'the file'}: found {short(found)}; expected {expected}"


def readable_path(location: tuple[int | str, ...], content: Any) -> str:
    """Return `fields.bmi.constraints.minimum` for ("fields", 2, "constraints", "minimum", "float")."""
    names: list[str] = []
    for place, step in enumerate(location):
        if isinstance(content, list) and isinstance(step, int):
            content = content[step] if step < len(content) else None
            names.append(str(content.get("name", step)) if isinstance(content, dict) else str(step))
        elif (isinstance(content, dict) and (step in content or place == len(location) - 1)) or not names:
            content = content.get(step) if isinstance(content, dict) else None
            names.append(str(step))
        # any other step is a branch of a union, of no use to the reader
    return " ".join(".".join(names).split())  # a key may have a line break


def allowed_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the model allows at `location`."""
    found: type[BaseModel] | None = model
    for step in location:
        fields = {field.alias or name: field for name, field in found.model_fields.items()} if found else {}
        if step in fields:
            found = submodel(fields[str(step)].annotation)
    return [field.alias or name for name, field in found.model_fields.items()] if found else []


def submodel(annotation: Any) -> type[BaseModel] | None:
    """Return the settings model inside an annotation such as `list[Column]` or `Constraints | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := submodel(part))), None)


def short(value: Any) -> str:
    """Return a value and its type, shortened to fit a line."""
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"
