"""The connection to S3: one client for each process and app, made on first use.

`AMAZON_ID`, `AMAZON_SECRET` and `AMAZON_BUCKET` say who asks, and for which bucket; `AMAZON_ENDPOINT` names another
server than Amazon's. The functions take the names of keys without `AMAZON_PREFIX`, and put it before them. No secret
gets into a message, a log or a repr.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from . import config, errors, runtime

#: What must be set, all of it or nothing.
VARIABLES: Final = ("AMAZON_ID", "AMAZON_SECRET", "AMAZON_BUCKET")

#: Seconds that a connection, and a step of an answer, may take. botocore tries three times in all.
CONNECTING: Final = 5
READING: Final = 30

#: Keys that one command deletes.
AT_ONCE: Final = 1000


@dataclass(frozen=True)
class Connection:
    """An open client of boto3, and what it was made for; `endpoint` is as a message shows it."""

    client: Any = field(repr=False)
    resource: Any = field(repr=False)
    bucket: str
    prefix: str
    endpoint: str

    def close(self) -> None:
        self.client.close()


def is_configured(settings: config.Settings) -> bool:
    """Say whether files are to be in S3.

    :raises ConfigurationError: only a part of what it takes is set.
    """
    unset = [name for name in VARIABLES if settings.get(name) is None]
    if unset and len(unset) < len(VARIABLES):
        found = " and ".join(name for name in VARIABLES if name not in unset)
        raise errors.ConfigurationError(
            f"{found} is set, and {' and '.join(unset)} is not. Set all of {', '.join(VARIABLES)} to keep files in S3, "
            "or none of them."
        )
    return not unset


def connection() -> Connection:
    """Give this process's one connection for the current app, made on first use and closed by `unload()`.

    :raises ConfigurationError: nothing is loaded, `AMAZON_*` is not set, or boto3 is not installed.
    """
    context = runtime.current()
    return context.client("amazon", lambda: _open(context.settings), Connection.close, forget=Connection.close)


def get_amazon() -> Any:
    """Give boto3's client of S3, for whatever this layer does not say.

    :raises ConfigurationError: as `connection()`.
    """
    return connection().client


def get_amazon_bucket() -> Any:
    """Give boto3's `Bucket` of `AMAZON_BUCKET`.

    :raises ConfigurationError: as `connection()`.
    """
    where = connection()
    return where.resource.Bucket(where.bucket)


def get_amazon_key(name: str) -> Any:
    """Give boto3's `Object` of a key.

    :raises NotFoundError: there is no such key.
    :raises ConfigurationError: as `connection()`; the bucket does not exist, or the credentials are wrong.
    :raises OperationalError: the server does not answer.
    """
    where = connection()
    found = where.resource.Object(where.bucket, where.prefix + name)
    with translated(where.bucket, name):
        found.load()
    return found


def exists_amazon_key(name: str) -> bool:
    """Say whether a key exists.

    :raises ConfigurationError: as `get_amazon_key()`.
    :raises OperationalError: the server does not answer.
    """
    try:
        get_amazon_key(name)
    except errors.NotFoundError:
        return False
    return True


def delete_amazon_key(name: str) -> None:
    """Delete a key; one that does not exist is no error.

    :raises ConfigurationError: as `get_amazon_key()`.
    :raises OperationalError: the server does not answer.
    """
    where = connection()
    with translated(where.bucket):
        where.client.delete_object(Bucket=where.bucket, Key=where.prefix + name)


def clear_amazon_bucket() -> int:
    """Delete every key that begins with `AMAZON_PREFIX`, all versions of it too; give the number of what was deleted.

    :raises ConfigurationError: as `get_amazon_key()`.
    :raises OperationalError: the server does not answer, or kept some of them.
    """
    where = connection()
    count = 0
    while keys := _some(where):
        count += delete(where, where.bucket, keys)
    return count


def ping() -> str:
    """Ask for the bucket; say which one answered.

    :raises ConfigurationError: as `get_amazon_key()`.
    :raises OperationalError: the server does not answer.
    """
    where = connection()
    with translated(where.bucket):
        where.client.head_bucket(Bucket=where.bucket)
    return f"the bucket {where.bucket} at {where.endpoint}"


def delete(where: Connection, bucket: str, keys: Iterable[Mapping[str, str]]) -> int:
    """Delete keys, `{"Key": ..., "VersionId": ...}`, in as few commands as it takes; give their number.

    :raises OperationalError: the server kept some of them.
    """
    count = 0
    waiting = iter(keys)
    while part := list(itertools.islice(waiting, AT_ONCE)):
        with translated(bucket):
            if len(part) == 1:
                where.client.delete_object(Bucket=bucket, **part[0])
                answer: dict[str, Any] = {}
            else:
                answer = where.client.delete_objects(Bucket=bucket, Delete={"Objects": part, "Quiet": True})
        if kept := answer.get("Errors"):
            raise errors.OperationalError(
                f"{place(bucket)} kept {len(kept)} of {len(part)} keys that were to be deleted: "
                f"{kept[0].get('Code')}, {kept[0].get('Message')}"
            )
        count += len(part)
    return count


def place(bucket: str) -> str:
    """Say where the bucket is, for messages."""
    return f"S3, the bucket {bucket!r} (AMAZON_BUCKET) at {connection().endpoint} (AMAZON_ENDPOINT),"


@contextlib.contextmanager
def translated(bucket: str, key: str | None = None) -> Iterator[None]:
    """Raise what boto3 raises as quorum's errors; what is not found is `key`, where one is given."""
    import boto3.exceptions
    import botocore.exceptions

    try:
        yield
    except botocore.exceptions.ClientError as error:
        raise _answered(error, bucket, key) from error
    except boto3.exceptions.S3UploadFailedError as error:
        cause = error.__context__
        if isinstance(cause, botocore.exceptions.ClientError):
            raise _answered(cause, bucket, key) from cause
        raise _silent(error, bucket) from None
    except (botocore.exceptions.BotoCoreError, boto3.exceptions.Boto3Error) as error:
        raise _silent(error, bucket) from None


def _some(where: Connection) -> list[dict[str, str]]:
    """Give some versions of keys, or keys: a server without versions lists none of any."""
    asked = {"Bucket": where.bucket, "Prefix": where.prefix, "MaxKeys": AT_ONCE}
    with translated(where.bucket):
        page = where.client.list_object_versions(**asked)
        versions = (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        if versions:
            return [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in versions]
        return [{"Key": one["Key"]} for one in where.client.list_objects_v2(**asked).get("Contents", ())]


_HINTS: Mapping[str, str] = {
    "InvalidAccessKeyId": "does not know the access key. Check AMAZON_ID",
    "SignatureDoesNotMatch": "refuses the signature. Check AMAZON_SECRET, and AMAZON_REGION",
    "AuthorizationHeaderMalformed": "belongs to another region. Set AMAZON_REGION",
    "AccessDenied": "does not allow this to the user of AMAZON_ID and AMAZON_SECRET",
    "NoSuchBucket": "does not exist. Make it, or correct AMAZON_BUCKET",
}

#: What a HEAD answers, which has no body that could say more.
_HEADS: Mapping[str, str] = {
    "403": "does not allow this. Check AMAZON_ID and AMAZON_SECRET",
    "404": "does not exist. Make it, or correct AMAZON_BUCKET",
    "301": "belongs to another region. Set AMAZON_REGION",
}


def _answered(error: Any, bucket: str, key: str | None) -> errors.QuorumError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if key is not None and status == 404 and code != "NoSuchBucket" and _is_there(error, bucket):
        return errors.NotFoundError(f"The file {key!r} is not there.")
    hint = _HINTS.get(code) or _HEADS.get(code)
    if hint is not None:
        return errors.ConfigurationError(f"{place(bucket)} {hint}.")
    message = error.response.get("Error", {}).get("Message", "")
    return errors.OperationalError(f"{place(bucket)} answered with an error: {code} {message}".rstrip(), code=status)


def _is_there(error: Any, bucket: str) -> bool:
    """Say whether the bucket exists, which the answer to a HEAD of a key leaves open."""
    if error.operation_name != "HeadObject":
        return True
    import botocore.exceptions

    try:
        connection().client.head_bucket(Bucket=bucket)
    except botocore.exceptions.ClientError as other:
        return bool(other.response.get("ResponseMetadata", {}).get("HTTPStatusCode") != 404)
    return True


def _silent(error: Exception, bucket: str) -> errors.OperationalError:
    # Its own text has the URL, which may have a password in it: the kind of fault says enough.
    return errors.OperationalError(
        f"{place(bucket)} did not answer: {type(error).__name__}. Check that it runs and can be reached from here."
    )


def _open(settings: config.Settings) -> Connection:
    if not is_configured(settings):
        raise errors.ConfigurationError(f"S3 is not set up: set {', '.join(VARIABLES)}.")
    try:
        import boto3.session
        import botocore.config
    except ImportError as error:
        raise errors.ConfigurationError('S3 needs boto3: pip install "quorum[s3]".') from error
    endpoint: str | None = settings.get("AMAZON_ENDPOINT")
    region: str = settings.get("AMAZON_REGION") or "us-east-1"
    options: dict[str, Any] = {
        "signature_version": "s3v4",
        "connect_timeout": CONNECTING,
        "read_timeout": READING,
        "retries": {"mode": "standard", "max_attempts": 3},
        "max_pool_connections": 20,
    }
    if endpoint is not None:
        # Other servers have buckets in the path, and few of them know Amazon's checksums.
        options["s3"] = {"addressing_style": "path"}
        options["request_checksum_calculation"] = options["response_checksum_validation"] = "when_required"
    made = boto3.session.Session(
        aws_access_key_id=settings.get("AMAZON_ID"),
        aws_secret_access_key=settings.get("AMAZON_SECRET"),
        region_name=region,
    )
    resource: Any = made.resource("s3", endpoint_url=endpoint, config=botocore.config.Config(**options))
    return Connection(
        client=resource.meta.client,
        resource=resource,
        bucket=settings.get("AMAZON_BUCKET"),
        prefix=settings.get("AMAZON_PREFIX") or "",
        endpoint=config.hide(endpoint) if endpoint else f"Amazon, {region}",
    )
