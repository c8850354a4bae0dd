"""Where the mail of an app goes, and how its server is asked how it is."""

from __future__ import annotations

import email
import logging
import stat
from types import SimpleNamespace

import pytest
from mailserver import PASSWORD, USER

import quorum
from quorum import config, mail, runtime
from quorum.mail.outlets import Folder
from quorum.mail.transport import Connection


@pytest.fixture
def make_context(monkeypatch, tmp_path):
    started = []

    def make(*, debug=False, **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        settings = config.Settings.load(instance_path=tmp_path)
        started.append(runtime.Context(settings, app=SimpleNamespace(debug=debug)))
        runtime.start(started[-1])
        return started[-1]

    yield make
    for context in started:
        runtime.stop(context)


def message():
    return mail.compose("Olá", "blog@example.org", ["ada@example.org"], plain="Your code is 1234.", bcc=["bob@x.org"])


def test_with_a_host_mail_goes_to_the_server(make_context, run_mailserver):
    server = run_mailserver()
    outlet = mail.connect(make_context(debug=True, SMTP_HOST=server.address))
    assert isinstance(outlet, Connection)
    outlet.send(message())
    outlet.close()
    assert len(server.mails) == 1


def test_without_a_host_it_is_kept_in_debug_mode(make_context, tmp_path, caplog):
    outlet, sent = mail.connect(make_context(debug=True)), message()
    assert isinstance(outlet, Folder)
    receipt = outlet.send(sent)
    outlet.close()
    (path,) = (tmp_path / "mail").iterdir()
    assert path.suffix == ".eml"
    assert path.read_bytes() == sent.content
    assert email.message_from_bytes(path.read_bytes())["Message-ID"] == sent.message_id
    assert (receipt.accepted, receipt.refused) == (("ada@example.org", "bob@x.org"), {})
    for shown in ("ada@example.org, bob@x.org", str(path), "Olá", "Your code is 1234."):
        assert shown in caplog.text


def test_mail_that_is_kept_is_for_its_owner_only(make_context, tmp_path):
    outlet = mail.connect(make_context(debug=True))
    for _ in range(3):
        outlet.send(message())
    files = list((tmp_path / "mail").iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "mail").stat().st_mode) == 0o700


def test_without_a_host_it_is_an_error_in_production(make_context):
    with pytest.raises(quorum.ConfigurationError, match="SMTP_HOST is not set"):
        mail.connect(make_context())


@pytest.mark.promise("M1")
def test_a_password_in_the_clear_is_warned_of_once(make_context, caplog):
    context = make_context(SMTP_HOST="localhost", SMTP_USER=USER, SMTP_PASSWORD=PASSWORD, SMTP_STARTTLS="0")
    mail.connect(context)
    mail.connect(context)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "SMTP_STARTTLS=0: SMTP_PASSWORD is sent to localhost:587 in the clear."
    ]


@pytest.mark.parametrize("variables", [{"SMTP_HOST": "localhost:465"}, {"SMTP_HOST": "localhost"}])
def test_what_is_not_in_the_clear_is_not_warned_of(make_context, caplog, variables):
    password = {"SMTP_USER": USER, "SMTP_PASSWORD": PASSWORD} if "465" in variables["SMTP_HOST"] else {}
    mail.connect(make_context(SMTP_STARTTLS="0", **variables, **password))
    assert caplog.records == []


def test_ping_logs_in_and_leaves(make_context, run_mailserver, trusted):
    server = run_mailserver(starttls=trusted.right, auth=True)
    make_context(SMTP_HOST=server.address, SMTP_USER=USER, SMTP_PASSWORD=PASSWORD)
    assert mail.ping() == f"{server.address} answers (TLSv1.3, as {USER})"
    assert server.mails == []


def test_ping_without_a_server_is_an_error(make_context):
    make_context(debug=True)
    with pytest.raises(quorum.ConfigurationError, match="SMTP_HOST is not set"):
        mail.ping()
