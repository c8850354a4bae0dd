"""Mail that workers send, from behind a broker."""

from __future__ import annotations

import pytest
from mailserver import mailserver

import quorum
from quorum.jobs import dead
from quorum.mail import keeping, transport
from quorum.web import mailjobs


@pytest.fixture(scope="module")
def mails():
    """The mail server that the module's workers know."""
    with mailserver() as server:
        yield server


@pytest.fixture(scope="module")
def settings(mails):
    return {"SMTP_HOST": mails.address, "SMTP_USER": "shop@example.org", "BASE_URL": "https://shop.example.org"}


@pytest.fixture
def server(mails, served):
    """The mail server, as if new; the application is loaded, and its workers are at work."""
    for record in (mails.mails, mails.seen, mails.tried, mails.answers, mails.refused):
        record.clear()
    return mails


@pytest.mark.parametrize("size", [10, 300_000])
def test_a_worker_sends_the_mail_and_its_handle_has_the_receipt(server, size):
    server.refused["bob@example.org"] = "550 5.1.1 No such user"
    receipt = quorum.send_mail_a(
        subject="Olá",
        receivers=["ada@example.org", "bob@example.org"],
        data="Hi",
        attachments=[("a.bin", bytes(size), "application/x-thing")],
    ).result(30)
    (arrived,) = server.mails
    assert (arrived.receivers, receipt.accepted) == (("ada@example.org",), ("ada@example.org",))
    assert (arrived.message["Subject"], arrived.message["Message-ID"]) == ("Olá", receipt.message_id)
    assert next(arrived.message.iter_attachments()).get_content() == bytes(size)
    assert receipt.refused["bob@example.org"].code == 550
    with pytest.raises(quorum.NotFoundError):
        keeping.fetch(receipt.message_id)


@pytest.mark.promise("M4")
def test_a_worker_tries_a_temporary_failure_again_with_the_same_message_id(server):
    # As often as one attempt of a job tries, and once more.
    server.answers["DATA"] = ["451 4.7.1 Greylisted"] * 4
    receipt = quorum.send_mail_a(receivers=["ada@example.org"], data="Hi").result(60)
    (arrived,) = server.mails
    assert arrived.message["Message-ID"] == receipt.message_id
    assert len(set(server.tried)) == 1
    assert len(server.tried) == 5


@pytest.mark.promise("M4")
def test_a_worker_does_not_try_a_permanent_failure_again(server):
    server.answers["DATA"] = ["554 5.7.1 Spam"]
    with pytest.raises(quorum.JobError, match=r"554 5\.7\.1 Spam"):
        quorum.send_mail_a(receivers=["ada@example.org"], data="Hi").result(30)
    assert server.seen.count("DATA") == 1
    assert [letter["name"] for letter in dead.letters(10)] == ["quorum.web.mailjobs.deliver"]


def test_a_worker_tries_a_receiver_again_that_was_refused_for_now(server, until, monkeypatch):
    server.answers["bob@example.org"] = ["451 4.7.1 Greylisted"] * 3
    monkeypatch.setattr(mailjobs, "LATER", 0)
    monkeypatch.setattr(transport, "PAUSES", (0, 0))
    receivers = ["ada@example.org", "bob@example.org"]
    facts = mailjobs.deliver("<1@example.org>", "shop@example.org", receivers, "Subject: a\r\n\r\nHi\r\n")
    assert facts["refused"]["bob@example.org"]["code"] == 451
    until(lambda: len(server.mails) == 2)
    assert [arrived.receivers for arrived in server.mails] == [("ada@example.org",), ("bob@example.org",)]


def test_a_mail_that_is_too_large_for_workers_is_told(server, monkeypatch):
    monkeypatch.setattr(keeping, "LARGEST", 200_000)
    with pytest.raises(quorum.ConfigurationError, match=r"at most 200000\. Send it by send_mail"):
        quorum.send_mail_a(receivers=["a@b.de"], data="Hi", attachments=[("a.bin", bytes(300_000), "a/b")])
