"""Files that lie elsewhere, fetched whole to this machine by fsspec before anything is read: https, GitHub, S3.

A connection that fails or stalls is tried again from the start, with growing pauses; what the server refuses is not.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stages.utils.errors import SettingsError, SourceError

ATTEMPTS = 3
CONNECT, STALL = 10.0, 30.0  # seconds to connect, and without a byte
PAUSE = 1.0  # seconds before the second attempt; then twice that
GITHUB = "https://raw.githubusercontent.com"
RETRIED = (408, 425, 429, 500, 502, 503, 504)


class TransientError(SourceError):
    """What another attempt may mend."""


def fetch(uri: str, shown: str, scratch: Path) -> list[tuple[Path, str, dict[str, Any]]]:
    """Fetch every file that a URI names: where it lies now, how it is called, and what the server says of it."""
    scheme = uri.partition("://")[0]
    if scheme == "s3":
        return fetch_s3(uri, shown, scratch)
    if scheme == "github":
        uri, shown = github_address(uri), github_address(shown)
    return [fetch_http(uri, shown, scratch)]


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


def patiently(work: Any) -> Any:
    """Call `work` until it succeeds, a few times at the most."""
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

    return Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=PAUSE, min=0, max=30),
        reraise=True,
    )(work)


def progress(shown: str) -> Any:
    """A progress bar, in a terminal."""
    from fsspec.callbacks import TqdmCallback

    options = {"desc": Path(shown).name, "unit": "B", "unit_scale": True, "leave": False, "disable": None}
    return TqdmCallback(tqdm_kwargs=options)


def fetch_http(uri: str, shown: str, scratch: Path) -> tuple[Path, str, dict[str, Any]]:
    """One file over http or https."""
    import aiohttp
    import fsspec

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=STALL)
    target = scratch / (Path(urlsplit(uri).path).name or "download")

    def attempt() -> tuple[Path, str, dict[str, Any]]:
        files = fsspec.filesystem("http", skip_instance_cache=True, client_kwargs={"timeout": timeout})
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
        except TimeoutError:
            raise TransientError(
                f"{shown}: the server sends nothing for {STALL:g} s, {ATTEMPTS} times; try again later"
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


def fetch_s3(uri: str, shown: str, scratch: Path) -> list[tuple[Path, str, dict[str, Any]]]:
    """Every object that matches a path or glob of an S3 bucket; credentials as the AWS tools find them."""
    import botocore.exceptions
    import fsspec

    options = {"connect_timeout": CONNECT, "read_timeout": STALL, "retries": {"max_attempts": ATTEMPTS}}
    files = fsspec.filesystem("s3", skip_instance_cache=True, config_kwargs=options)

    def attempt() -> list[tuple[Path, str, dict[str, Any]]]:
        try:
            names = sorted(files.glob(uri)) if set(uri) & set("*?[") else [uri.removeprefix("s3://")]
            if not names:
                raise SourceError(f"{shown}: no object matches; mend config.yaml: source.uri")
            found = []
            for number, name in enumerate(names):
                etag = str(files.info(name).get("ETag", "")).strip('"') or None
                target = scratch / f"{number:05d}" / Path(name).name
                target.parent.mkdir(parents=True, exist_ok=True)
                files.get_file(name, str(target), callback=progress(name))
                found.append((target, f"s3://{name}", {"etag": etag}))
        except FileNotFoundError:
            raise SourceError(f"{shown}: no such object or bucket; mend config.yaml: source.uri") from None
        except (PermissionError, botocore.exceptions.NoCredentialsError):
            raise SourceError(
                f"{shown}: not allowed; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ) from None
        except (botocore.exceptions.BotoCoreError, OSError) as error:
            raise TransientError(f"{shown}: S3 does not answer ({type(error).__name__}); is the network up?") from None
        return found

    return list(patiently(attempt))
