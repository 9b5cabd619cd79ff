"""Objects in an S3 bucket, fetched whole; credentials as the AWS tools find them."""

from pathlib import Path

from stages.sources import download as transfer
from stages.sources.download import Fetched, TransientError, patiently, progress, too_slow
from stages.utils.errors import SourceError


def fetch_s3(uri: str, shown: str, scratch: Path, timeout: float) -> list[Fetched]:
    """Every object that matches a path or glob of a bucket; `timeout` in seconds, for each."""
    import botocore.exceptions
    import fsspec

    options = {
        "connect_timeout": transfer.CONNECT,
        "read_timeout": transfer.STALL,
        "retries": {"max_attempts": transfer.ATTEMPTS},
    }
    files = fsspec.filesystem("s3", skip_instance_cache=True, config_kwargs=options)

    def attempt() -> list[Fetched]:
        try:
            names = sorted(files.glob(uri)) if set(uri) & set("*?[") else [uri.removeprefix("s3://")]
            if not names:
                raise SourceError(f"{shown}: no object matches; mend config.yaml: source.uri")
            found: list[Fetched] = []
            for number, name in enumerate(names):
                etag = str(files.info(name).get("ETag", "")).strip('"') or None
                target = scratch / f"{number:05d}" / Path(name).name
                target.parent.mkdir(parents=True, exist_ok=True)
                files.get_file(name, str(target), callback=progress(name), timeout=timeout)
                found.append((target, f"s3://{name}", {"etag": etag}))
        except FileNotFoundError:
            raise SourceError(f"{shown}: no such object or bucket; mend config.yaml: source.uri") from None
        except (PermissionError, botocore.exceptions.NoCredentialsError):
            raise SourceError(
                f"{shown}: not allowed; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ) from None
        except TimeoutError:  # fsspec's own
            raise too_slow(shown, timeout) from None
        except (botocore.exceptions.BotoCoreError, OSError) as error:
            raise TransientError(f"{shown}: S3 does not answer ({type(error).__name__}); is the network up?") from None
        return found

    return patiently(attempt)
