"""Ask the bucket that is DVC's remote whether it can be used: DVC's own messages mislead where a bucket is missing.

The errors are botocore's own, with the fix added. Nothing is left in the bucket.
"""

import dvc.config
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from stages.utils.errors import PipelineError

SECONDS = 5  # to connect, and to wait for an answer; there is no second try
ONE_TRY = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 1})
PLACEHOLDER = "s3://your-bucket/"
SET_URL = "`dvc remote modify storage url s3://BUCKET/PATH`"

CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, to valid credentials"
SIGN_IN = "sign in again (`aws sso login`)"
REGION = "set AWS_DEFAULT_REGION to the bucket's region"
NETWORK = "check the network, and AWS_ENDPOINT_URL if you have set it"
LATER = "the server is overloaded or fails, try again in a minute"
FIXES = {  # by S3's code or by the name of botocore's exception
    "NoCredentialsError": CREDENTIALS,
    "PartialCredentialsError": CREDENTIALS,
    "ProfileNotFound": CREDENTIALS,
    "InvalidAccessKeyId": CREDENTIALS,
    "SignatureDoesNotMatch": CREDENTIALS,
    "CredentialRetrievalError": SIGN_IN,
    "SSOError": SIGN_IN,
    "ExpiredToken": SIGN_IN,
    "InvalidToken": SIGN_IN,
    "RequestTimeTooSkewed": "set this machine's clock",
    "AccessDenied": "ask for the rights that deploy/bootstrap.yaml gives on the bucket",
    "NoSuchBucket": f"create it, or {SET_URL}",
    "PermanentRedirect": REGION,
    "AuthorizationHeaderMalformed": REGION,
    "SlowDown": LATER,
    "ServiceUnavailable": LATER,
    "503": LATER,
    "InternalError": LATER,
    "500": LATER,  # also botocore's word for an answer that is not XML
    "ConnectionError": NETWORK,
    "HTTPClientError": NETWORK,
}


def check_remote(read: bool = True, write: bool = True) -> str:
    """List the bucket, read an object if there is one, begin an upload and take it back; return what was checked.

    Raises:
        PipelineError: no bucket is configured, or it does not let us; the message has the fix.
    """
    config = dvc.config.Config(dvc_dir=".dvc")
    settings = config["remote"].get(config["core"].get("remote"), {"url": PLACEHOLDER})
    url = settings["url"]
    if url.startswith(PLACEHOLDER):
        raise PipelineError(f"no bucket yet; create one, then {SET_URL}")
    if not url.startswith("s3://"):
        return f"{url} is not S3, so it was not checked"
    name, _, prefix = url.removeprefix("s3://").rstrip("/").partition("/")
    bucket = {"Bucket": name}
    try:
        session = Session(profile=settings.get("profile"))
        for ours, theirs in (("configpath", "config_file"), ("credentialpath", "credentials_file")):
            if ours in settings:
                session.set_config_variable(theirs, settings[ours])
        s3 = session.create_client(
            "s3",
            region_name=settings.get("region") or session.get_config_variable("region") or "us-east-1",
            endpoint_url=settings.get("endpointurl"),
            verify=settings.get("ssl_verify"),
            aws_access_key_id=settings.get("access_key_id"),
            aws_secret_access_key=settings.get("secret_access_key"),
            aws_session_token=settings.get("session_token"),
            config=ONE_TRY,
        )
        listing = s3.list_objects_v2(**bucket, Prefix=prefix, MaxKeys=1)
        if listing["Name"] and "Contents" in listing and read:
            s3.get_object(**bucket, Key=listing["Contents"][0]["Key"])["Body"].close()
        if write:
            upload = {**bucket, "Key": f"{prefix}/.check".lstrip("/")}
            s3.abort_multipart_upload(**upload, UploadId=s3.create_multipart_upload(**upload)["UploadId"])
    except (BotoCoreError, ClientError) as error:
        raise PipelineError(f"{url}: {' '.join(str(error).split())}; {fix(error)}") from None
    except KeyError as missing:
        raise PipelineError(f"{url}: an answer without {missing}: cut short, or not from S3; {NETWORK}") from None
    return f"{url} can be listed{', read' * read}{', written' * write}"


def fix(error: BotoCoreError | ClientError) -> str:
    """Name the fix of an error of botocore or of S3."""
    names = [kind.__name__ for kind in type(error).__mro__]
    if isinstance(error, ClientError):
        names.insert(0, str(error.response["Error"].get("Code")))
    return next((FIXES[name] for name in names if name in FIXES), "check the settings: dvc config --list")
