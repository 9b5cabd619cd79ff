"""Secrets in a URI: written as ${VARIABLE}, read from the environment, never shown."""

import os
import re
from urllib.parse import urlsplit

from stages.utils.errors import SettingsError

VARIABLE = re.compile(r"\$\{(\w+)\}")


def fill_in(uri: str) -> str:
    """Return the URI with the values of its variables.

    Raises:
        SettingsError: a variable is not set, or the URI itself contains a password.
    """
    unset = [name for name in VARIABLE.findall(uri) if not os.environ.get(name)]
    if unset:
        raise SettingsError(
            f"config.yaml: source.uri: not set in the environment: {', '.join(unset)}; "
            f"`export {unset[0]}=…` and run again"
        )
    for part in uri.split("::"):
        if urlsplit(VARIABLE.sub("", part)).password:
            raise SettingsError(
                "config.yaml: source.uri contains a password, which git would keep; "
                "write ${PASSWORD} instead and `export PASSWORD=…`"
            )
    return VARIABLE.sub(lambda found: os.environ[found[1]], uri)


def mask(text: str, uri: str) -> str:
    """Return a message, on one line, with the values of the URI's variables replaced by their names."""
    for name in VARIABLE.findall(uri):
        value = os.environ.get(name)
        text = text.replace(value, f"${{{name}}}") if value else text
    return " ".join(text.split())
