"""Bad bytes from outside are the client's fault, never a 5xx (I5)."""

from collections.abc import Iterator
from typing import Any

import flask
import pytest

import quorum
from quorum.web.fastjson import OrjsonProvider
from quorum.web.json import JSONProvider

pytestmark = pytest.mark.promise("I5")

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"


def part(head: bytes, body: bytes = b"abc") -> bytes:
    return b"--x\r\n" + head + b"\r\n\r\n" + body + b"\r\n--x--\r\n"


BODIES: list[tuple[str, bytes]] = [
    ("application/json", b"[" * 200_000),
    ("application/json", b'{"a":' * 150 + b"1" + b"}" * 150),
    ("application/json", b'{"a": NaN, "b": Infinity}'),
    ("application/json", b'{"a": 1, "a": {"$gt": 0}}'),
    ("application/json", b'{"a": "\\ud800"}'),
    ("application/json", b'{"\\udc00": 1}'),
    ("application/json", b"1" * 5000),
    ("application/json", b"1e999"),
    ("application/json", b"\xff\xfe"),
    ("application/json", b""),
    ("application/json; charset=utf-7", b"+AGE-"),
    ("application/json", b'{"\\u0000": "\\u0000"}'),
    ("text/json", b"{}"),
    (FORM, b"a=%ff&%fe=1&=&&a"),
    (FORM, b"\xff=\xff&a=\x00&%00=%00"),
    (FORM, b"a=%ed%a0%80"),
    (FORM, b"&" * 5000),
    (f"{FORM}; charset=bogus", b"a=1"),
    (MULTIPART, b"not multipart"),
    (MULTIPART, part(b'Content-Disposition: form-data; name="a"', b"\xff\x00\xed\xa0\x80")),
    (MULTIPART, part(b"Content-Disposition: form-data; name*=utf-8''%ed%a0%80")),
    (MULTIPART, part(b'Content-Disposition: form-data; name="\xff\x00"; filename="\xff\x00/../x"')),
    (MULTIPART, part(b'Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset=bogus')),
    (MULTIPART, part(b"\xff\xfe: \xff")),
    (MULTIPART, part(b"X: y")),
    (MULTIPART, b"--x\r\n" * 3000),
    ("multipart/form-data", b"x"),
    ("\xff", b"\xff"),
]

PATHS = [
    "/?%ff=%ff&a=%00&%00=1&a=%ed%a0%80",
    "/?" + "a=1&" * 5000,
    "/?a[$gt]=1&a.b=2&$where=1",
    "/%ff%00",
    "/%ed%a0%80",
    "/static/%00",
    "/static/..%2f..%2fetc%2fpasswd",
    "/static/" + "a" * 5000,
    "/number/" + "1" * 5000,
    "/id/%00%ff",
]

HEADERS = ["Accept", "Content-Type", "Content-Length", "Cookie", "Host", "If-Modified-Since", "If-None-Match", "Range"]
VALUES = [
    "\xff\x80",
    "[::1",
    ";=;\"'",
    "a" * 5000,
    "-1",
    "9" * 5000,
    "session=a.b.c",
    "session=\xff",
    "text/html;q=x",
    "",
]


@pytest.fixture(params=[JSONProvider, OrjsonProvider])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an app whose pages read all that a request brings, and send it back."""
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    app = quorum.load(name="echo")
    app.json = request.param(app)

    @app.route("/", methods=["GET", "POST"])
    @app.route("/number/<int:number>")
    @app.route("/id/<object_id:id>")
    def echo(**given: Any) -> Any:
        came = flask.request
        flask.session["visits"] = flask.session.get("visits", 0) + 1
        facts = {
            **given,
            "args": came.args.to_dict(flat=False),
            "form": came.form.to_dict(flat=False),
            "files": {name: file.filename for name, file in came.files.items()},
            "cookies": came.cookies,
            "json": came.get_json() if came.is_json else None,
            "headers": [came.host, came.url, str(came.range), str(came.if_modified_since), str(came.if_none_match)],
        }
        page = flask.render_template_string("{{ facts }} {{ facts|tojson }}", facts=facts)
        flask.make_response(page).get_data()
        return facts

    yield app.test_client()
    quorum.unload()


@pytest.mark.parametrize(("kind", "body"), BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_bad_body_is_no_fault_of_ours(client: Any, kind: str, body: bytes, accept: str) -> None:
    answer = client.post("/", data=body, headers={"Accept": accept}, environ_overrides={"CONTENT_TYPE": kind})
    assert answer.status_code < 500


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_bad_path_is_no_fault_of_ours(client: Any, path: str, accept: str) -> None:
    assert client.get(path, headers={"Accept": accept}).status_code < 500


@pytest.mark.parametrize("header", HEADERS)
def test_a_bad_header_is_no_fault_of_ours(client: Any, header: str) -> None:
    name = header.upper().replace("-", "_")
    key = name if name.startswith("CONTENT_") else f"HTTP_{name}"
    statuses = {value: client.post("/", data=b"a=1", environ_overrides={key: value}).status_code for value in VALUES}
    assert {value: status for value, status in statuses.items() if status >= 500} == {}
