"""Secrets in a URI: written as ${VAR}, taken from the environment, never shown."""

import os
import re
from urllib.parse import urlsplit

from stages.utils.errors import SettingsError

VARIABLE = re.compile(r"\$\{(\w+)\}")


def expand(uri: str) -> str:
    """The URI with its variables filled in.

    Raises:
        SettingsError: a variable is not set, or a password stands in the file itself.
    """
    unset = [name for name in VARIABLE.findall(uri) if not os.environ.get(name)]
    if unset:
        raise SettingsError(
            f"config.yaml: source.uri: the environment has no {', '.join(unset)}; `export {unset[0]}=…` and run again"
        )
    for part in uri.split("::"):
        password = urlsplit(VARIABLE.sub("", part)).password  # what is left of it without the variables
        if password:
            raise SettingsError(
                "config.yaml: source.uri: a password stands in the file, which git keeps; "
                "write ${PASSWORD} in its place and `export PASSWORD=…`"
            )
    return VARIABLE.sub(lambda found: os.environ[found[1]], uri)


def hide(text: str, uri: str) -> str:
    """A message with the values of the URI's variables taken out again."""
    for name in VARIABLE.findall(uri):
        value = os.environ.get(name)
        text = text.replace(value, f"${{{name}}}") if value else text
    return " ".join(text.split())
