"""Files that lie elsewhere, fetched whole to this machine by fsspec before anything is read: https, GitHub, S3."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stages.sources import download as transfer
from stages.sources.download import ATTEMPTS, Fetched, TransientError, patiently, progress, too_slow
from stages.sources.s3 import fetch_s3
from stages.utils.errors import SettingsError, SourceError

GITHUB = "https://raw.githubusercontent.com"
RETRIED = (408, 425, 429, 500, 502, 503, 504)


def fetch(uri: str, shown: str, scratch: Path, timeout: float) -> list[Fetched]:
    """Fetch every file that a URI names; each may take `timeout` seconds."""
    scheme = uri.partition("://")[0]
    if scheme == "s3":
        return fetch_s3(uri, shown, scratch, timeout)
    if scheme == "github":
        uri, shown = github_address(uri), github_address(shown)
    return [fetch_http(uri, shown, scratch, timeout)]


def github_address(uri: str) -> str:
    """`github://owner/repo@ref/path` as the address of the file.

    Raises:
        SettingsError: it is written otherwise.
    """
    found = re.fullmatch(r"github://([^/@]+)/([^/@]+)@([^/]+)/(.+)", uri)
    if not found:
        raise SettingsError(
            f"config.yaml: source.uri: found {uri!r}; expected github://owner/repo@ref/path (ref: a tag or a commit)"
        )
    return "/".join([GITHUB, *found.groups()])


def fetch_http(uri: str, shown: str, scratch: Path, timeout: float) -> Fetched:
    """One file over http or https."""
    import aiohttp
    import fsspec

    limits = aiohttp.ClientTimeout(total=timeout, sock_connect=transfer.CONNECT, sock_read=transfer.STALL)
    target = scratch / (Path(urlsplit(uri).path).name or "download")

    def attempt() -> Fetched:
        files = fsspec.filesystem("http", skip_instance_cache=True, client_kwargs={"timeout": limits})
        try:
            files.get_file(uri, str(target), callback=progress(shown))
            return target, shown, {"etag": etag_of(files, uri)}
        except FileNotFoundError:
            raise SourceError(f"{shown}: not found (404); mend config.yaml: source.uri") from None
        except aiohttp.ClientResponseError as error:
            if error.status in RETRIED:
                raise TransientError(
                    f"{shown}: the server answers {error.status} after {ATTEMPTS} attempts; try again later"
                ) from None
            mend = "is a login or a token needed?" if error.status in (401, 403) else "mend config.yaml: source.uri"
            raise SourceError(f"{shown}: the server refuses it ({error.status} {error.message}); {mend}") from None
        except TimeoutError as error:
            if not isinstance(error.__cause__, aiohttp.ServerTimeoutError):
                raise too_slow(shown, timeout) from None
            raise TransientError(
                f"{shown}: the server sends nothing for {transfer.STALL:g} s, {ATTEMPTS} times; try again later"
            ) from None
        except aiohttp.ClientPayloadError:
            raise TransientError(f"{shown}: cut short in all {ATTEMPTS} attempts; try again later") from None
        except (aiohttp.ClientConnectionError, aiohttp.InvalidURL, ValueError) as error:
            kind = type(error).__name__
            raise TransientError(f"{shown}: no connection ({kind}); is the address right, the network up?") from None

    path, name, facts = patiently(attempt)
    refuse_page(path, shown)
    return path, name, facts


def etag_of(files: Any, uri: str) -> str | None:
    """The server's name for this version of the file, if it gives one."""
    import aiohttp

    try:
        found = files.info(uri)
    except (OSError, ValueError, aiohttp.ClientError):
        return None
    etag = found.get("ETag") or found.get("Last-Modified")
    return str(etag) if etag else None


def refuse_page(path: Path, shown: str) -> None:
    """Raise a SourceError for a web page in the place of a table."""
    with path.open("rb") as file:
        start = file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        raise SourceError(
            f"{shown}: a web page came where a table was expected; is a login needed, or is it the address of the page "
            f"and not of the file?"
        )
