"""The blog of examples/blog, on a database in memory and on a server, and visitors who use it."""

import functools
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

import quorum

BLOG = Path(__file__).resolve().parents[2] / "examples" / "blog"
if str(BLOG) not in sys.path:
    sys.path.insert(0, str(BLOG))

PASSWORD = "correct horse"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Visitor:
    """A browser: it keeps cookies, and sends the token of the page where it found the form."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def post(self, path: str, form: Any = None, **options: Any) -> TestResponse:
        page = self.get("/auth/login")
        data = {"csrf_token": TOKEN.search(page.text)[1], **(form or {})}
        headers = {"Referer": page.request.url, **options.pop("headers", {})}
        return self.client.post(path, data=data, headers=headers, **options)

    def token(self) -> str:
        return TOKEN.search(self.get("/auth/login").text)[1]

    def register(self, username: str, password: str = PASSWORD, email: str = "") -> TestResponse:
        return self.post("/auth/register", {"username": username, "password": password, "email": email})

    def login(self, username: str, password: str = PASSWORD, **query: str) -> TestResponse:
        form = {"username": username, "password": password}
        return self.post("/auth/login", form, query_string=query)

    def write(self, title: str = "A title", body: str = "Some text.", tags: str = "") -> str:
        """Publish a post; give its path."""
        answer = self.post("/create", {"title": title, "body": body, "tags": tags})
        assert answer.status_code == 302, answer.text
        return answer.location


def _load(monkeypatch: pytest.MonkeyPatch, url: str, **config: Any) -> Flask:
    from blog import create_app, models

    # A hash that is worth its name takes most of the time of these tests.
    cheap = functools.partial(generate_password_hash, method="pbkdf2:sha256:1")
    monkeypatch.setattr(models, "generate_password_hash", cheap)
    monkeypatch.setenv("MONGOHQ_URL", url)
    monkeypatch.setenv("SECRET_KEY", "of the tests")
    return create_app(**config)


@pytest.fixture
def app(any_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    yield _load(monkeypatch, any_url)
    quorum.unload()


@pytest.fixture
def server_app(mongo_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The blog on the server only, for what the `commands` fixture sees."""
    yield _load(monkeypatch, mongo_url)
    quorum.unload()


@pytest.fixture
def visit(app: Flask) -> Callable[[], Visitor]:
    return lambda: Visitor(app)


@pytest.fixture
def visit_redis(mock_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Visitor]]:
    """Visitors of a blog whose sessions are in Redis."""
    app = _load(monkeypatch, mock_url, redis_session=True, REDISTOGO_URL=redis_url)
    yield lambda: Visitor(app)
    quorum.unload()


@pytest.fixture
def visitor(visit: Callable[[], Visitor]) -> Visitor:
    """Somebody who is not logged in."""
    return visit()


@pytest.fixture
def ada(visit: Callable[[], Visitor]) -> Visitor:
    """Somebody with an account, logged in."""
    visitor = visit()
    assert visitor.register("ada").status_code == 302
    return visitor


@pytest.fixture
def bob(visit: Callable[[], Visitor]) -> Visitor:
    """Somebody else with an account, logged in."""
    visitor = visit()
    assert visitor.register("bob").status_code == 302
    return visitor


@pytest.fixture
def blog_folder() -> Path:
    return BLOG
