"""To the mail server: TLS, login, retries, and what becomes of each receiver. All against a real server."""

from __future__ import annotations

import base64
import contextlib
import logging
import socket
import threading
import traceback
from dataclasses import replace

import pytest
from mailserver import PASSWORD, USER

import quorum
from quorum.mail import compose, transport
from quorum.mail.server import Server
from quorum.mail.transport import Connection, Refusal

RECEIVERS = ["ada@example.org", "bob@example.org", "carl@example.org"]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(transport, "PAUSES", (0, 0))


def to(server, **options):
    return Server(server.host, server.port, **{"timeout": 5.0, **options})


def login(server, **options):
    return to(server, user=USER, password=PASSWORD, **options)


def make(receivers=RECEIVERS, **options):
    return compose("Olá", "Blog <blog@example.org>", receivers, **{"plain": "Hi\n.\n..dots", **options})


def send(server, mail=None):
    connection = Connection(server)
    try:
        return connection.send(mail or make())
    finally:
        connection.close()


def test_what_arrives_is_what_was_sent(run_mailserver):
    server, mail = run_mailserver(), make(bcc=["dora@example.org"], attachments=[("a.bin", bytes(200_000), "a/b")])
    receipt = send(to(server), mail)
    (arrived,) = server.mails
    assert (arrived.sender, arrived.receivers) == ("blog@example.org", (*RECEIVERS, "dora@example.org"))
    assert arrived.content == mail.content
    assert arrived.message["Subject"] == "Olá"
    assert (receipt.message_id, receipt.accepted, receipt.refused) == (mail.message_id, mail.receivers, {})
    assert not arrived.is_encrypted


@pytest.mark.promise("M1")
def test_starttls_is_used_where_it_is_offered(run_mailserver, trusted):
    server = run_mailserver(starttls=trusted.right)
    send(to(server))
    assert server.mails[0].is_encrypted


@pytest.mark.promise("M1")
def test_a_login_goes_through_tls(run_mailserver, trusted):
    server = run_mailserver(starttls=trusted.right, auth=True)
    send(login(server))
    assert server.mails[0].is_encrypted
    assert server.logins == [("PLAIN", USER.encode(), PASSWORD.encode())]


@pytest.mark.promise("M1")
def test_the_port_of_tls_talks_it_from_the_start(run_mailserver, trusted, monkeypatch):
    server = run_mailserver(tls=trusted.right, auth=True)
    monkeypatch.setattr(transport, "TLS", server.port)
    send(login(server))
    assert server.mails[0].is_encrypted


@pytest.mark.promise("M1")
@pytest.mark.parametrize("kind", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("certificate", "trusts", "reason"),
    [("right", False, "unable to get local issuer"), ("wrong", True, "IP address mismatch")],
)
def test_a_certificate_that_cannot_be_trusted_ends_it(
    run_mailserver, certificates, monkeypatch, kind, certificate, trusts, reason
):
    if trusts:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    server = run_mailserver(auth=True, **{kind: getattr(certificates, certificate)})
    if kind == "tls":
        monkeypatch.setattr(transport, "TLS", server.port)
    with pytest.raises(quorum.MailError, match=f"has a certificate that can't be trusted: .*{reason}") as caught:
        send(login(server))
    assert not caught.value.is_temporary
    assert (server.mails, server.logins, server.connections) == ([], [], 1)


@pytest.mark.promise("M1")
def test_no_password_goes_where_there_is_no_tls(run_mailserver):
    server = run_mailserver(auth=True)
    with pytest.raises(quorum.MailError, match=r"offers no TLS.*SMTP_STARTTLS=0") as caught:
        send(login(server))
    assert not caught.value.is_temporary
    assert (server.mails, server.logins) == ([], [])


def test_a_password_goes_in_the_clear_only_when_told_so(run_mailserver):
    server = run_mailserver(auth=True)
    send(login(server, starttls=False))
    assert not server.mails[0].is_encrypted


@pytest.mark.promise("M1")
@pytest.mark.parametrize("password", [None, PASSWORD])
def test_tls_that_is_not_available_sends_nothing(run_mailserver, trusted, monkeypatch, password):
    smtp = pytest.importorskip("aiosmtpd.smtp")

    async def starttls(self, argument):
        await self.push("454 TLS not available due to temporary reason")

    monkeypatch.setattr(smtp.SMTP, "smtp_STARTTLS", starttls)
    server = run_mailserver(starttls=trusted.right, auth=True)
    with pytest.raises(quorum.MailError, match="454 TLS not available") as caught:
        send(to(server, user=password and USER, password=password))
    assert (caught.value.code, caught.value.is_temporary) == (454, True)
    assert (server.mails, server.logins, server.seen) == ([], [], [])


def test_a_server_that_talks_no_tls_is_told(run_mailserver, monkeypatch):
    server = run_mailserver()
    monkeypatch.setattr(transport, "TLS", server.port)
    with pytest.raises(quorum.MailError, match="can't be used: WRONG_VERSION_NUMBER") as caught:
        send(to(server))
    assert not caught.value.is_temporary


@pytest.mark.promise("M1")
def test_a_wrong_password_is_not_tried_again_and_shown_nowhere(run_mailserver, trusted, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    smtp = pytest.importorskip("aiosmtpd.smtp")
    secret = "s3cret-and-wrong"
    plain = base64.b64encode(f"\0{USER}\0{secret}".encode()).decode()
    real = smtp.SMTP.push

    # A server that quotes what it was sent, as some do.
    async def push(self, status):
        told = f"535 5.7.8 {secret} of {plain} is wrong" if str(status).startswith("535") else status
        await real(self, told)

    monkeypatch.setattr(smtp.SMTP, "push", push)
    server = run_mailserver(starttls=trusted.right, auth=True)
    with pytest.raises(quorum.MailError, match=r"refused the login: 535 5.7.8 \*\*\* of \*\*\* is wrong") as caught:
        send(to(server, user=USER, password=secret))
    assert not caught.value.is_temporary
    # Once by each way to log in that the server has.
    assert server.logins == [(way, USER.encode(), secret.encode()) for way in ("PLAIN", "LOGIN")]
    logged = [record.getMessage() for record in caplog.records if record.name.startswith(("quorum", "smtplib"))]
    shown = "".join([*traceback.format_exception(caught.value), *logged, repr(login(server))])
    assert secret not in shown
    assert plain not in shown
    assert PASSWORD not in shown


def test_a_server_that_wants_a_login_says_so(run_mailserver, trusted):
    server = run_mailserver(starttls=trusted.right, auth=True)
    with pytest.raises(quorum.MailError, match=r"530 5.7.0 Authentication required") as caught:
        send(to(server))
    assert not caught.value.is_temporary


def test_a_server_without_logins_is_told(run_mailserver):
    with pytest.raises(quorum.MailError, match="AUTH extension not supported") as caught:
        send(login(run_mailserver(auth_require_tls=True), starttls=False))
    assert not caught.value.is_temporary


@pytest.mark.promise("M3")
def test_a_refused_receiver_is_told_and_the_others_get_the_mail(run_mailserver):
    server = run_mailserver()
    server.refused["bob@example.org"] = "550 5.1.1 No such user"
    receipt = send(to(server))
    assert receipt.accepted == ("ada@example.org", "carl@example.org")
    assert receipt.refused == {"bob@example.org": Refusal(550, "5.1.1 No such user", is_temporary=False)}
    assert [arrived.receivers for arrived in server.mails] == [receipt.accepted]
    assert server.seen.count("RCPT bob@example.org") == 1


@pytest.mark.promise("M3")
def test_a_mail_that_every_receiver_is_refused_for_is_an_error(run_mailserver):
    server, mail = run_mailserver(), make()
    server.refused = dict.fromkeys(RECEIVERS, "550 5.1.1 No such user")
    with pytest.raises(quorum.MailError, match=r"refused all 3 receivers: 550 5.1.1 No such user") as caught:
        send(to(server), mail)
    error = caught.value
    assert (error.code, error.is_temporary, error.message_id) == (550, False, mail.message_id)
    assert {receiver: refusal.code for receiver, refusal in error.refused.items()} == dict.fromkeys(RECEIVERS, 550)
    assert server.mails == []


@pytest.mark.promise("M4")
def test_a_receiver_refused_for_now_is_tried_again_alone_with_the_same_message_id(run_mailserver):
    server, mail = run_mailserver(), make()
    server.answers["bob@example.org"] = ["451 4.7.1 Greylisted, try again"]
    receipt = send(to(server), mail)
    assert [arrived.receivers for arrived in server.mails] == [
        ("ada@example.org", "carl@example.org"),
        ("bob@example.org",),
    ]
    assert {arrived.message["Message-ID"] for arrived in server.mails} == {mail.message_id}
    assert set(receipt.accepted) == set(RECEIVERS)
    assert receipt.refused == {}


@pytest.mark.promise("M4")
@pytest.mark.parametrize(
    "answers",
    [
        {"MAIL": ["451 later"]},
        {"MAIL": ["421 too busy"]},
        {"DATA": ["451 later", "452 later"]},
        {"DATA": ["421 later"]},
        {"DATA": ["drop"]},
        {"MAIL": ["drop"]},
        {"RCPT": ["drop"]},
        {"RCPT": ["421 too many"]},
    ],
    ids=str,
)
def test_a_temporary_failure_is_tried_again_with_the_same_message_id(run_mailserver, answers):
    server, mail = run_mailserver(), make()
    server.answers.update(answers)
    receipt = send(to(server), mail)
    assert set(receipt.accepted) == set(RECEIVERS)
    assert receipt.refused == {}
    assert sorted(receiver for arrived in server.mails for receiver in arrived.receivers) == sorted(RECEIVERS)
    assert {mail.content == content for content in server.tried} == {True}


@pytest.mark.promise("M4")
def test_a_receiver_that_stays_refused_for_now_is_told(run_mailserver):
    server = run_mailserver()
    server.refused["bob@example.org"] = "451 4.7.1 Greylisted"
    receipt = send(to(server))
    assert receipt.refused == {"bob@example.org": Refusal(451, "4.7.1 Greylisted", is_temporary=True)}
    assert server.seen.count("RCPT bob@example.org") == 3
    assert len(server.mails) == 1


@pytest.mark.promise("M4")
def test_a_failure_that_lasts_is_an_error_that_can_be_tried_later(run_mailserver):
    server, mail = run_mailserver(), make()
    server.answers["DATA"] = ["451 4.3.0 Later"] * 3
    with pytest.raises(quorum.MailError, match=r"refused the mail: 451 4.3.0 Later") as caught:
        send(to(server), mail)
    assert (caught.value.code, caught.value.is_temporary, set(caught.value.refused)) == (451, True, set(RECEIVERS))
    assert server.seen.count("DATA") == 3


@pytest.mark.promise("M4")
@pytest.mark.parametrize(
    ("answers", "code"), [({"MAIL": ["550 no"]}, 550), ({"DATA": ["554 5.6.0 Spam"]}, 554)], ids=str
)
def test_a_permanent_failure_is_not_tried_again(run_mailserver, answers, code):
    server = run_mailserver()
    server.answers.update(answers)
    with pytest.raises(quorum.MailError) as caught:
        send(to(server))
    assert (caught.value.code, caught.value.is_temporary) == (code, False)
    assert server.mails == []
    assert server.seen.count("MAIL") == 1


@pytest.mark.promise("M5")
@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_a_silent_server_is_given_up_within_the_time_limit(run_mailserver, command):
    server = run_mailserver()
    server.answers[command] = ["wait"]
    with pytest.raises(quorum.MailError, match=r"did not answer within 0.2 s \(SMTP_TIMEOUT\)") as caught:
        send(to(server, timeout=0.2))
    assert caught.value.is_temporary
    assert server.seen.count("MAIL") == 1


@pytest.mark.promise("M5")
@pytest.mark.parametrize("tls", [False, True])
def test_a_server_that_never_greets_is_given_up_within_the_time_limit(monkeypatch, tls):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        if tls:
            monkeypatch.setattr(transport, "TLS", port)
        with pytest.raises(quorum.MailError, match=r"did not answer within 0.2 s"):
            send(Server("127.0.0.1", port, timeout=0.2))


@pytest.mark.promise("M5")
@pytest.mark.parametrize("said", [b"2", b"220-and more to say\r\n"])
def test_a_server_that_never_ends_its_answer_is_given_up_within_the_time_limit(said):
    ended = threading.Event()

    def talk(listening):
        talking, _ = listening.accept()
        with talking, contextlib.suppress(OSError):
            while not ended.wait(0.05):
                talking.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=talk, args=(listening,))
        server.start()
        try:
            with pytest.raises(quorum.MailError, match=r"did not answer within 0.2 s"):
                send(Server("127.0.0.1", listening.getsockname()[1], timeout=0.2))
        finally:
            ended.set()
            server.join()


def test_no_server_is_a_temporary_failure():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(quorum.MailError, match=f"127.0.0.1:{port} can't be reached: Connection refused") as caught:
        send(Server("127.0.0.1", port, timeout=5))
    assert (caught.value.code, caught.value.is_temporary) == (None, True)


def test_a_mail_that_is_too_large_is_refused(run_mailserver):
    server = run_mailserver(data_size_limit=10_000)
    with pytest.raises(quorum.MailError, match="552") as caught:
        send(to(server), make(attachments=[("a.bin", bytes(20_000), "a/b")]))
    assert not caught.value.is_temporary


def test_several_mails_go_over_one_connection(run_mailserver):
    server = run_mailserver()
    connection = Connection(to(server))
    server.refused["bob@example.org"] = "550 no"
    for _ in range(3):
        connection.send(make())
    with pytest.raises(quorum.MailError):
        connection.send(make(["bob@example.org"]))
    connection.send(make())
    connection.close()
    assert len(server.mails) == 4
    assert server.connections == 1


def test_a_mail_refused_before_it_was_read_does_not_disturb_the_next(run_mailserver, monkeypatch):
    smtp = pytest.importorskip("aiosmtpd.smtp")
    real, answers = smtp.SMTP.smtp_DATA, ["451 Not now", "554 Never"]

    async def data(self, argument):
        await (self.push(answers.pop(0)) if answers else real(self, argument))

    monkeypatch.setattr(smtp.SMTP, "smtp_DATA", data)
    server = run_mailserver()
    connection = Connection(to(server))
    with pytest.raises(quorum.MailError, match="554 Never"):
        connection.send(make())
    connection.send(make())
    connection.close()
    assert len(server.mails) == 1
    assert server.connections == 1


def test_a_connection_that_broke_is_opened_again(run_mailserver):
    server = run_mailserver()
    connection = Connection(to(server))
    connection.send(make())
    server.answers["MAIL"] = ["drop"]
    connection.send(make())
    connection.close()
    assert len(server.mails) == 2
    assert server.connections == 2


def test_closing_twice_or_before_the_first_mail_is_fine(run_mailserver):
    server = run_mailserver()
    connection = Connection(to(server))
    connection.close()
    connection.send(make())
    connection.close()
    connection.close()
    assert (len(server.mails), server.connections) == (1, 1)


def test_what_the_server_says_is_one_short_line(run_mailserver):
    server = run_mailserver()
    server.answers["MAIL"] = ["550-first\r\n550 " + "x" * 400]
    with pytest.raises(quorum.MailError) as caught:
        send(to(server))
    assert str(caught.value).endswith("550 first " + "x" * 194 + "....")
    assert "\n" not in str(caught.value)


def test_the_check_says_how_the_server_is_reached(run_mailserver, trusted):
    server = run_mailserver(starttls=trusted.right, auth=True)
    connection = Connection(login(server))
    assert connection.check() == f"{server.address} answers (TLSv1.3, as {USER})"
    connection.close()
    plain = Connection(replace(to(run_mailserver()), timeout=2.0))
    assert plain.check().endswith("answers (no TLS, no login)")
    plain.close()


def test_a_failing_check_says_why(run_mailserver, trusted):
    server = run_mailserver(starttls=trusted.right, auth=True)
    with pytest.raises(quorum.MailError, match="refused the login: 535"):
        Connection(to(server, user=USER, password="wrong")).check()
