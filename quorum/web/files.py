"""Files over HTTP: as a response of a view, and at signed URLs where the storage has none of its own.

What a stranger sent is never shown as a page of this site: the type is what its bytes say, browsers are told not to
guess, and what they could run is sent as bytes to be saved.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final

from flask import Flask, Response, abort, has_request_context, request, url_for
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wsgi import FileWrapper

from quorum import amazon, config, content, errors, runtime, storage
from quorum.models import uploads
from quorum.models.files import File, FileKind, FileOptions
from quorum.storage.base import CHUNK

from . import thumbnailjobs

PATH: Final = "/_quorum/files"
SERVE: Final = "quorum.serve_file"
TAKE: Final = "quorum.take_file"

#: What a file may do that a browser shows by itself: nothing.
POLICY: Final = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"

#: Bytes of a form beside its file.
FIELDS: Final = 64 * 1024

# What a URL says of the file that it leads to, beside the file's storage.
_FACTS: Final = ("key", "name", "size", "content_type", "sha256")


class Server:
    """What `File`, `Post.cover.presign()` and `save()` ask of the layers above them."""

    def url(self, file: File, expires: int, *, download: bool) -> str:
        """Give a signed URL of the app: within a request its path, elsewhere below `BASE_URL`.

        :raises ConfigurationError: outside of a request, `BASE_URL` is not set.
        """
        facts = [getattr(file, name) for name in _FACTS]
        moment = file.uploaded_at.timestamp() if file.uploaded_at else 0
        return _url(SERVE, _sign("serve", [file.storage.id, facts, moment, download, _until(expires)]))

    def response(self, file: File, *, download: bool) -> Response:
        """Give a response that serves a file: whole, in part, or not at all to whom it is known.

        :raises NotFoundError: the object is not there.
        :raises OperationalError: the storage does not answer.
        """
        reader = file.open()
        answer = Response(FileWrapper(reader, CHUNK), direct_passthrough=True)
        answer.content_type = content.served_type(file.content_type)
        if answer.mimetype == "text/plain":
            answer.content_type = "text/plain; charset=utf-8"
        answer.headers["Content-Disposition"] = content.disposition(file.name, file.content_type, download=download)
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Content-Security-Policy"] = POLICY
        answer.content_length = file.size
        answer.last_modified = file.uploaded_at
        answer.cache_control.private = True
        answer.cache_control.max_age = 0
        if file.sha256 is not None:
            answer.set_etag(file.sha256)
        answer.make_conditional(request.environ, accept_ranges=True, complete_length=file.size)
        if answer.status_code in (200, 206):
            file.storage.head(str(file.key))  # so that what is missing is told before anything is sent
        return answer

    def presign(
        self, place: storage.Storage, key: str, expires: int, content_type: str, max_size: int
    ) -> dict[str, Any]:
        """Give where and with which fields a browser posts a file to the app."""
        policy = _sign("take", [place.id, key, content_type, max_size, _until(expires)])
        return {"url": _url(TAKE, policy), "fields": {"Content-Type": content_type}}

    def begin_thumbnails(self, model: Any, id: Any, key: str) -> None:
        """Have the smaller images of a stored file made, where the app's jobs run.

        :raises ConfigurationError: the app is being unloaded, or the id can't be sent to a worker.
        :raises OperationalError: the broker did not take the job.
        """
        thumbnailjobs.begin(model.__name__, id, key)


def serve(token: str) -> Response:
    """Serve a file to whoever has its URL."""
    place, facts, moment, download, until = _read("serve", token, 5)
    _check_time(until)
    stored: dict[str, Any] = dict(zip(_FACTS, facts, strict=True))
    stored["uploaded_at"] = _moment(moment)
    file = File.of_stored(stored, FileKind(FileOptions(storage=_place(place))))
    return Server().response(file, download=download)


def take(token: str) -> tuple[str, int]:
    """Take a file that a browser sends as `presign()` told it to: no larger, and sent as that type."""
    place, key, content_type, max_size, until = _read("take", token, 5)
    _check_time(until)
    request.max_content_length = max_size + FIELDS
    sent = request.files.get("file")
    if sent is None or request.form.get("Content-Type") != content_type:
        abort(400, "A file is sent as `file`, behind the fields that came with this URL.")
    size = sent.stream.seek(0, 2)
    if not 1 <= size <= max_size:
        raise RequestEntityTooLarge(f"Larger than {content.show_size(max_size)}, or empty.")
    sent.stream.seek(0)
    _place(place).put(key, sent.stream, size, content.UNKNOWN)
    return "", 204


def _serializer(use: str) -> URLSafeSerializer:
    secret = runtime.current().app.secret_key
    if not secret:
        raise errors.ConfigurationError("Files are served at signed URLs. Set SECRET_KEY.")
    return URLSafeSerializer(secret, salt=f"quorum.files.{use}")


def _sign(use: str, facts: list[Any]) -> str:
    return str(_serializer(use).dumps(facts))


def _read(use: str, token: str, length: int) -> list[Any]:
    try:
        facts = _serializer(use).loads(token)
    except BadSignature:
        abort(404)
    if not isinstance(facts, list) or len(facts) != length:
        abort(404)
    return facts


def _until(expires: int) -> int:
    return int(time.time()) + expires


def _check_time(until: int) -> None:
    if time.time() > until:
        abort(403, "This link has expired. Load the page that it was on again.")


def _url(endpoint: str, token: str) -> str:
    if has_request_context():
        return url_for(endpoint, token=token)
    base = runtime.current().settings.get("BASE_URL")
    if base is None:
        raise errors.ConfigurationError("The app's own URLs are not known outside of a request. Set BASE_URL.")
    path = runtime.current().app.url_map.bind("localhost").build(endpoint, {"token": token})
    return f"{base.rstrip('/')}{path}"


def _place(wanted: str) -> storage.Storage:
    """Give the storage of an id, among those of the app."""
    found = {storage.default()}
    for model in runtime.current().models:
        found |= {kind.storage() for kind in uploads.kinds(model)}
    return next((place for place in found if place.id == wanted), None) or abort(404)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def init_app(app: Flask, settings: config.Settings) -> None:
    """Let an app serve and take files, once.

    :raises ConfigurationError: only a part of `AMAZON_*` is set.
    """
    amazon.is_configured(settings)
    File.serving = Server()
    if SERVE not in app.view_functions:
        app.add_url_rule(f"{PATH}/<token>", SERVE, serve)
        app.add_url_rule(f"{PATH}/<token>", TAKE, take, methods=["POST"])
