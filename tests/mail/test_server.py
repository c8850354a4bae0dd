"""What the variables say of the mail server."""

from __future__ import annotations

import pytest

import quorum
from quorum import config
from quorum.mail.server import Server


def read(monkeypatch, **variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Server.of(config.Settings.load())


@pytest.mark.parametrize(
    ("variables", "host", "port"),
    [
        ({"SMTP_HOST": "mail.example.org"}, "mail.example.org", 25),
        ({"SMTP_HOST": "mail.example.org", "SMTP_USER": "a", "SMTP_PASSWORD": "b"}, "mail.example.org", 587),
        ({"SMTP_HOST": "mail.example.org:2525", "SMTP_USER": "a", "SMTP_PASSWORD": "b"}, "mail.example.org", 2525),
        ({"SMTP_HOST": "mail.example.org:465"}, "mail.example.org", 465),
        ({"SMTP_HOST": "::1"}, "::1", 25),
        ({"SMTP_HOST": "[::1]:465"}, "::1", 465),
        ({"SMTP_HOST": "[::1]"}, "::1", 25),
    ],
)
def test_the_port_is_given_or_the_usual_one(monkeypatch, variables, host, port):
    server = read(monkeypatch, **variables)
    assert (server.host, server.port) == (host, port)


def test_without_a_host_there_is_no_server(monkeypatch):
    assert read(monkeypatch, SMTP_USER="blog@example.org") is None


def test_without_a_password_nobody_logs_in(monkeypatch):
    server = read(monkeypatch, SMTP_HOST="localhost", SMTP_USER="blog@example.org")
    assert (server.user, server.password) == (None, None)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SMTP_PASSWORD": "s3cret"}, "SMTP_PASSWORD is set and SMTP_USER is not"),
        ({"SMTP_USER": "a", "SMTP_PASSWORD": "s3crét"}, "must be ASCII"),
        ({"SMTP_TIMEOUT": "0"}, "SMTP_TIMEOUT"),
    ],
)
def test_variables_that_make_no_sense_together_are_told(monkeypatch, variables, message):
    with pytest.raises(quorum.ConfigurationError, match=message) as caught:
        read(monkeypatch, SMTP_HOST="localhost", **variables)
    assert "s3cr" not in str(caught.value)


@pytest.mark.parametrize(
    ("base", "hostname", "name"),
    [
        ("https://blog.example.org/a", "box", "blog.example.org"),
        (None, "box.example.org", "box.example.org"),
        (None, "box", "[127.0.0.1]"),
        ("http://[::1]/", "box", "[127.0.0.1]"),
    ],
)
def test_the_app_names_itself_without_a_look_up(monkeypatch, base, hostname, name):
    monkeypatch.setattr("socket.gethostname", lambda: hostname)
    monkeypatch.setattr("socket.getfqdn", lambda *_: pytest.fail("a look-up may take long"))
    assert read(monkeypatch, SMTP_HOST="localhost", **({"BASE_URL": base} if base else {})).name == name


def test_a_short_password_is_masked_in_what_a_server_says():
    server = Server("localhost", 25, "ada", "pw")
    assert server.shown(b"no \x1b[31m pw\r\nYWRh cHc= AGFkYQBwdw==") == "no [31m *** YWRh *** ***"
