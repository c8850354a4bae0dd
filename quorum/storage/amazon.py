"""Files in a bucket of S3, or of a server that speaks it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final, cast

from .. import amazon
from .base import Entry, Leftover, Source, Storage

MIB: Final = 1024 * 1024

#: From this size on an object is sent in parts of this size, some of them at once.
PART: Final = 8 * MIB

#: Parts that are sent at once, and parts that wait in memory.
AT_ONCE: Final = 4
WAITING: Final = 4

#: Parts that one upload can have.
MAX_PARTS: Final = 10_000


class AmazonStorage(Storage):
    """Keeps files in a bucket, with the credentials and the endpoint of `AMAZON_*`.

    :param bucket: another bucket than `AMAZON_BUCKET`.
    :param prefix: what its keys begin with, in place of `AMAZON_PREFIX`.
    """

    def __init__(self, bucket: str | None = None, prefix: str | None = None) -> None:
        self._bucket, self._prefix = bucket, prefix

    @property
    def id(self) -> str:
        where = amazon.connection()
        return f"s3-{self._bucket or where.bucket}-{self._begin(where)}"

    def put(self, key: str, source: Source, size: int, content_type: str) -> None:
        where = amazon.connection()
        to = {"Bucket": self._bucket or where.bucket, "Key": self._begin(where) + key}
        # Whoever gets hold of the bucket's own URL of a file is given no page of ours.
        headers = {"ContentType": content_type, "ContentDisposition": "attachment"}
        with amazon.translated(to["Bucket"]):
            if size < PART:
                where.client.put_object(**to, **headers, Body=source.read())
            else:
                where.client.upload_fileobj(source, *to.values(), ExtraArgs=headers, Config=_transfer(size))

    def stream(self, key: str, start: int = 0) -> BinaryIO:
        where = amazon.connection()
        bucket = self._bucket or where.bucket
        ranged = {"Range": f"bytes={start}-"} if start else {}
        with amazon.translated(bucket, key):
            found = where.client.get_object(Bucket=bucket, Key=self._begin(where) + key, **ranged)
        return cast(BinaryIO, _Body(found["Body"], bucket))

    def head(self, key: str) -> Entry:
        where = amazon.connection()
        bucket = self._bucket or where.bucket
        with amazon.translated(bucket, key):
            found = where.client.head_object(Bucket=bucket, Key=self._begin(where) + key)
        return Entry(key, found["ContentLength"], found["LastModified"])

    def delete(self, keys: Iterable[str]) -> None:
        where = amazon.connection()
        begin = self._begin(where)
        amazon.delete(where, self._bucket or where.bucket, ({"Key": begin + key} for key in keys))

    def entries(self, prefix: str) -> Iterator[Entry]:
        where = amazon.connection()
        begin = self._begin(where)
        for found in self._pages(where, "list_objects_v2", "Contents", begin + prefix):
            yield Entry(found["Key"][len(begin) :], found["Size"], found["LastModified"])

    def leftovers(self, prefix: str) -> Iterator[Leftover]:
        where = amazon.connection()
        for found in self._pages(where, "list_multipart_uploads", "Uploads", self._begin(where) + prefix):
            yield Leftover(f"{found['UploadId']} {found['Key']}", found["Initiated"])

    def discard(self, leftovers: Iterable[Leftover]) -> None:
        where = amazon.connection()
        bucket = self._bucket or where.bucket
        with amazon.translated(bucket):
            for leftover in leftovers:
                upload, _, key = leftover.name.partition(" ")
                where.client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)

    def url(self, key: str, expires: int, headers: dict[str, str]) -> str | None:
        where = amazon.connection()
        bucket = self._bucket or where.bucket
        signed = {"Bucket": bucket, "Key": self._begin(where) + key}
        signed.update((f"Response{name.replace('-', '')}", value) for name, value in headers.items())
        with amazon.translated(bucket):
            url: str = where.client.generate_presigned_url("get_object", Params=signed, ExpiresIn=expires)
        return url

    def presign(self, key: str, expires: int, content_type: str, max_size: int) -> dict[str, Any] | None:
        where = amazon.connection()
        bucket = self._bucket or where.bucket
        fields = {"Content-Type": content_type, "Content-Disposition": "attachment"}
        conditions = [["content-length-range", 1, max_size], *({name: value} for name, value in fields.items())]
        with amazon.translated(bucket):
            signed: dict[str, Any] = where.client.generate_presigned_post(
                bucket, self._begin(where) + key, Fields=fields, Conditions=conditions, ExpiresIn=expires
            )
        return signed

    def _begin(self, where: amazon.Connection) -> str:
        return where.prefix if self._prefix is None else self._prefix

    def _pages(self, where: amazon.Connection, command: str, name: str, prefix: str) -> Iterator[dict[str, Any]]:
        bucket = self._bucket or where.bucket
        with amazon.translated(bucket):
            for page in where.client.get_paginator(command).paginate(Bucket=bucket, Prefix=prefix):
                yield from page.get(name, ())


def _transfer(size: int) -> Any:
    from boto3.s3.transfer import TransferConfig

    part = max(PART, -(-size // MAX_PARTS))
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=part, max_concurrency=AT_ONCE)
    config.max_in_memory_upload_chunks = WAITING
    return config


class _Body(io.RawIOBase):
    """The body of an answer, whose errors are ours."""

    def __init__(self, body: Any, bucket: str) -> None:
        self._body, self._bucket = body, bucket

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        with amazon.translated(self._bucket):
            data: bytes = self._body.read(None if size < 0 else size)
            return data

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()
