"""Remote files: https, GitHub and S3, downloaded as a whole before anything is read."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stages.sources import download
from stages.sources.download import Fetched, TransientError, progress_bar, timeout_error, with_retries
from stages.sources.s3 import fetch_s3
from stages.utils.errors import SettingsError, SourceError

GITHUB = "https://raw.githubusercontent.com"
RETRIED = (408, 425, 429, 500, 502, 503, 504)


def fetch(uri: str, shown: str, scratch: Path, timeout: float) -> list[Fetched]:
    """Download every file that a URI names; each may take `timeout` seconds."""
    scheme = uri.partition("://")[0]
    if scheme == "s3":
        return fetch_s3(uri, shown, scratch, timeout)
    if scheme == "github":
        uri, shown = github_address(uri), github_address(shown)
    return [fetch_http(uri, shown, scratch, timeout)]


def github_address(uri: str) -> str:
    """Return the https address of `github://owner/repo@ref/path`.

    Raises:
        SettingsError: the URI has another form.
    """
    found = re.fullmatch(r"github://([^/@]+)/([^/@]+)@([^/]+)/(.+)", uri)
    if not found:
        raise SettingsError(
            f"config.yaml: source.uri: found {uri!r}; expected github://owner/repo@ref/path (ref: a tag or a commit)"
        )
    return "/".join([GITHUB, *found.groups()])


def fetch_http(uri: str, shown: str, scratch: Path, timeout: float) -> Fetched:
    """Download one file over http or https."""
    import aiohttp
    import fsspec

    target = scratch / (Path(urlsplit(uri).path).name or "download")

    def attempt(left: float) -> Fetched:
        limits = aiohttp.ClientTimeout(total=left, sock_connect=download.CONNECT, sock_read=download.STALL)
        files = fsspec.filesystem("http", skip_instance_cache=True, client_kwargs={"timeout": limits})
        try:
            files.get_file(uri, str(target), callback=progress_bar(shown))
            return Fetched(target, shown, etag_of(files, uri))
        except FileNotFoundError:
            raise SourceError(f"{shown}: not found (404); correct config.yaml: source.uri") from None
        except aiohttp.ClientResponseError as error:
            if error.status in RETRIED:
                raise TransientError(
                    f"{shown}: the server answered {error.status} in all {download.ATTEMPTS} attempts; try again later"
                ) from None
            fix = "is a login or a token needed?" if error.status in (401, 403) else "correct config.yaml: source.uri"
            raise SourceError(
                f"{shown}: the server refused the request ({error.status} {error.message}); {fix}"
            ) from None
        except TimeoutError as error:
            if not isinstance(error.__cause__, aiohttp.ServerTimeoutError):
                raise timeout_error(shown, timeout) from None
            raise TransientError(
                f"{shown}: the server sent nothing for {download.STALL:g} s in all {download.ATTEMPTS} attempts; "
                f"try again later"
            ) from None
        except aiohttp.ClientPayloadError:
            raise TransientError(
                f"{shown}: the download broke off in all {download.ATTEMPTS} attempts; try again later"
            ) from None
        except (aiohttp.ClientConnectionError, aiohttp.InvalidURL, ValueError) as error:
            raise TransientError(
                f"{shown}: no connection ({type(error).__name__}); is the address right, is the network up?"
            ) from None

    fetched = with_retries(attempt, shown, timeout)
    refuse_web_page(fetched.path, shown)
    return fetched


def etag_of(files: Any, uri: str) -> str | None:
    """Return the server's name for this version of the file, or None."""
    import aiohttp

    try:
        found = files.info(uri)
    except (OSError, ValueError, aiohttp.ClientError):
        return None
    etag = found.get("ETag") or found.get("Last-Modified")
    return str(etag) if etag else None


def refuse_web_page(path: Path, shown: str) -> None:
    """Raise a SourceError if the file is a web page and not a table."""
    with path.open("rb") as file:
        start = file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        raise SourceError(
            f"{shown}: found a web page, expected a table; is a login needed, or is this the address of the page about "
            f"the file?"
        )
