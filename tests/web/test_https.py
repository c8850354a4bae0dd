"""FORCE_SSL and BASE_URL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask
import pytest
from werkzeug.middleware.proxy_fix import ProxyFix

import quorum


@pytest.fixture(autouse=True)
def _unload(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    yield
    quorum.unload()


def make(**config: Any) -> flask.Flask:
    app = quorum.load(name="shop", **config)

    @app.get("/login")
    def login() -> flask.Response:
        flask.session["user"] = "ann"
        response = flask.Response("in")
        response.set_cookie("theme", "dark")
        return response

    return app


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_http_is_redirected_to_https_with_its_method(method: str) -> None:
    answer = make(FORCE_SSL=True).test_client().open("http://shop.example/a%20b?c=%C3%A9", method=method)
    assert (answer.status_code, answer.location) == (308, "https://shop.example/a%20b?c=%C3%A9")


def test_a_redirect_goes_to_the_public_host_not_to_what_the_client_says() -> None:
    app = make(FORCE_SSL=True, BASE_URL="https://shop.example:8443")
    answer = app.test_client().get("http://evil.example/login?a=1")
    assert answer.location == "https://shop.example:8443/login?a=1"


@pytest.mark.parametrize("host", ["", "a b", "[::1", "user@evil"])
def test_a_request_that_names_no_host_is_redirected_nowhere(host: str) -> None:
    answer = make(FORCE_SSL=True).test_client().get("/evil.example/", base_url="http://a", headers={"Host": host})
    assert (answer.status_code, answer.headers.get("Location")) == (400, None)


def test_cookies_are_sent_by_https_only() -> None:
    answer = make(FORCE_SSL=True).test_client().get("https://shop.example/login")
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    assert all("; Secure" in cookie for cookie in cookies)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_without_it_nothing_is_changed() -> None:
    answer = make().test_client().get("http://shop.example/login")
    assert answer.status_code == 200
    assert "Secure" not in str(answer.headers)
    assert "Strict-Transport-Security" not in answer.headers


def test_an_application_has_the_last_word_on_hsts() -> None:
    app = make(FORCE_SSL=True)

    @app.after_request
    def shorter(response: flask.Response) -> flask.Response:
        response.headers["Strict-Transport-Security"] = "max-age=0"
        return response

    answer = app.test_client().get("https://shop.example/login")
    assert answer.headers["Strict-Transport-Security"] == "max-age=0"


def test_behind_a_proxy_that_is_trusted_https_is_recognized() -> None:
    app = make(FORCE_SSL=True)
    forwarded: dict[str, Any] = {"base_url": "http://10.0.0.1", "headers": {"X-Forwarded-Proto": "https"}}
    assert app.test_client().get("/login", **forwarded).status_code == 308
    app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1)  # type: ignore[method-assign]
    assert app.test_client().get("/login", **forwarded).status_code == 200


def test_health_is_told_by_http_too() -> None:
    answer = make(FORCE_SSL=True, HEALTH="/health").test_client().get("http://10.0.0.1/health")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://shop.example", "https://shop.example/login"),
        ("https://shop.example/", "https://shop.example/login"),
        ("http://shop.example:8080/eu/", "http://shop.example:8080/eu/login"),
    ],
)
def test_urls_that_are_made_outside_of_a_request_are_public(base: str, url: str) -> None:
    app = make(BASE_URL=base)
    with app.app_context():
        assert flask.url_for("login") == url


def test_urls_that_are_made_in_a_request_are_public_whatever_host_it_names() -> None:
    app = make(BASE_URL="https://shop.example")
    app.add_url_rule("/url", view_func=lambda: flask.url_for("login", _external=True))
    assert app.test_client().get("/url", base_url="http://evil.example:5000").text == "https://shop.example/login"
    quorum.unload(app)
    assert app.test_client().get("/url", base_url="http://other.example").text == "http://other.example/login"


@pytest.mark.parametrize("host", ["http://shop.example", "http://10.0.0.1:5000", "http://www.shop.example"])
def test_a_base_url_refuses_no_host(host: str) -> None:
    assert make(BASE_URL="https://shop.example").test_client().get("/login", base_url=host).status_code == 200


def test_what_the_application_says_of_its_place_holds() -> None:
    app = make(BASE_URL="https://shop.example", SERVER_NAME="other.example")
    with app.app_context():
        assert flask.url_for("login") == "http://other.example/login"


def test_an_app_that_matches_hosts_goes_on_matching_them() -> None:
    app = flask.Flask("shop", host_matching=True, static_host="static.example")
    quorum.load(app, BASE_URL="https://shop.example")
    app.add_url_rule("/", view_func=lambda: "a", endpoint="a", host="a.example")
    app.add_url_rule("/", view_func=lambda: "b", endpoint="b", host="b.example")
    client = app.test_client()
    assert [client.get("/", base_url=f"http://{host}.example").text for host in "ab"] == ["a", "b"]


def test_unload_leaves_the_app_as_it_was() -> None:
    app = make(FORCE_SSL=True, BASE_URL="https://shop.example")
    quorum.unload(app)
    assert (app.config["SERVER_NAME"], app.config["SESSION_COOKIE_SECURE"]) == (None, False)
    app.config["FORCE_SSL"] = app.config["BASE_URL"] = None
    quorum.load(app)
    answer = app.test_client().get("http://localhost/login")
    assert answer.status_code == 200
    assert "Secure" not in str(answer.headers)
