"""What an error of botocore means to a person: the cause, and what mends it."""

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

SET_CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
REFUSED = f"the credentials are refused ({{code}}); {SET_CREDENTIALS} to ones that are valid"
EXPIRED = "the credentials have expired; sign in again (`aws sso login`) or set new ones"

CREDENTIALS = {  # codes that say the credentials themselves are no good, whatever they are used for
    "InvalidAccessKeyId": REFUSED,
    "InvalidClientTokenId": REFUSED,
    "UnrecognizedClientException": REFUSED,
    "SignatureDoesNotMatch": REFUSED,
    "AuthFailure": REFUSED,
    "ExpiredToken": EXPIRED,
    "ExpiredTokenException": EXPIRED,
    "InvalidToken": EXPIRED,
    "RequestTimeTooSkewed": "this machine's clock is wrong; set it",
}
DENIED = "access denied ({code}); ask for the rights that deploy/bootstrap.yaml gives to who reads or writes the bucket"
CODES = CREDENTIALS | {
    "NoSuchBucket": "there is no such bucket; create it, or `dvc remote modify storage url s3://BUCKET/PATH`",
    "AccessDenied": DENIED,
    "403": DENIED,
    "PermanentRedirect": "the bucket is in another region; set AWS_DEFAULT_REGION to it",
    "AuthorizationHeaderMalformed": "the bucket is in another region; set AWS_DEFAULT_REGION to it",
    "SlowDown": "the server is overloaded ({code}); try again in a minute",
    "ServiceUnavailable": "the server is overloaded ({code}); try again in a minute",
    "503": "the server is overloaded ({code}); try again in a minute",
}
ENDPOINT = "check the network, and AWS_ENDPOINT_URL if you have set it"
KINDS: list[tuple[type[BotoCoreError], str]] = [  # first match wins
    (exceptions.NoCredentialsError, f"no credentials; {SET_CREDENTIALS}"),
    (exceptions.PartialCredentialsError, f"half of the credentials is missing; {SET_CREDENTIALS}"),
    (exceptions.CredentialRetrievalError, "credentials cannot be had: {error}; sign in again"),
    (exceptions.SSOError, "the sign-in has expired: {error}; run `aws sso login`"),
    (exceptions.ProfileNotFound, "{error}; mend AWS_PROFILE, or ~/.aws/config"),
    (exceptions.SSLError, "no trusted connection: {error}; mend AWS_CA_BUNDLE"),
    (exceptions.ConnectTimeoutError, f"nothing answers at {{endpoint}}; {ENDPOINT}"),
    (exceptions.ReadTimeoutError, f"{{endpoint}} accepts connections and stays silent; try later, or {ENDPOINT}"),
    (exceptions.EndpointConnectionError, f"cannot connect to {{endpoint}}; {ENDPOINT}"),
    (exceptions.ConnectionError, f"cannot connect to {{endpoint}}; {ENDPOINT}"),
    (exceptions.HTTPClientError, f"the connection to {{endpoint}} broke: {{error}}; {ENDPOINT}"),
    (BotoCoreError, "{error}; check the remote's settings: dvc config --list"),
]


def explain(error: BotoCoreError | ClientError, endpoint: str) -> str:
    """One line: the cause and the mend."""
    if isinstance(error, ClientError):
        answer = error.response
        code = str(answer["Error"].get("Code", answer["ResponseMetadata"]["HTTPStatusCode"]))
        message = answer["Error"].get("Message", "")
        unknown = f"the server answers {code}: {message}; check the remote's settings: dvc config --list"
        text = CODES.get(code, unknown).replace("{code}", code)
    else:
        text = next(text for kind, text in KINDS if isinstance(error, kind))
        text = text.replace("{error}", str(error)).replace("{endpoint}", endpoint)
    return " ".join(text.split())
