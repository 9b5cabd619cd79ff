"""Objects in an S3 bucket, downloaded as a whole; credentials come from where the AWS tools look for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from stages.sources import download
from stages.sources.download import Fetched, TransientError, progress_bar, timeout_error, with_retries
from stages.utils.errors import SourceError


def fetch_s3(uri: str, shown: str, scratch: Path, timeout: float) -> list[Fetched]:
    """Download every object that a path or glob of a bucket matches; each may take `timeout` seconds."""
    import fsspec

    options = {
        "connect_timeout": download.CONNECT,
        "read_timeout": download.STALL,
        "retries": {"max_attempts": download.ATTEMPTS},
    }
    files = fsspec.filesystem("s3", skip_instance_cache=True, config_kwargs=options)

    def find_objects(_: float) -> list[str]:
        with explained_errors(shown, timeout):
            return sorted(files.glob(uri)) if set(uri) & set("*?[") else [uri.removeprefix("s3://")]

    def fetch_object(name: str, target: Path, left: float) -> Fetched:
        with explained_errors(shown, timeout):
            etag = str(files.info(name).get("ETag", "")).strip('"') or None
            files.get_file(name, str(target), callback=progress_bar(name), timeout=left)
        return Fetched(target, f"s3://{name}", etag)

    names = with_retries(find_objects, shown, timeout)
    if not names:
        raise SourceError(f"{shown}: no object matches; correct config.yaml: source.uri")
    fetched = []
    for number, name in enumerate(names):
        target = scratch / f"{number:05d}" / Path(name).name
        target.parent.mkdir(parents=True, exist_ok=True)
        fetched.append(with_retries(partial(fetch_object, name, target), shown, timeout))
    return fetched


@contextmanager
def explained_errors(shown: str, timeout: float) -> Iterator[None]:
    """Turn the errors of S3 into a SourceError, or a TransientError where another attempt may succeed."""
    import botocore.exceptions

    try:
        yield
    except FileNotFoundError:
        raise SourceError(f"{shown}: no such object or bucket; correct config.yaml: source.uri") from None
    except (PermissionError, botocore.exceptions.NoCredentialsError):
        raise SourceError(
            f"{shown}: access denied; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from None
    except TimeoutError:  # of fsspec, for get_file
        raise timeout_error(shown, timeout) from None
    except (botocore.exceptions.BotoCoreError, OSError) as error:
        raise TransientError(f"{shown}: S3 does not answer ({type(error).__name__}); is the network up?") from None
