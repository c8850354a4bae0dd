"""Mail to the blog's authors: who gets which, and that no page fails for one."""

import pytest

pytest_plugins = ["quorum.testing"]


@pytest.fixture(autouse=True)
def _public(monkeypatch):
    monkeypatch.setenv("BASE_URL", "https://blog.example.org")


@pytest.fixture
def writer(outbox, visit):
    """Ada, who gave an address; her welcome is out of the way."""
    visitor = visit()
    assert visitor.register("ada", email=" ada@example.org ").status_code == 302
    outbox.wait(1)
    outbox.clear()
    return visitor


def test_a_new_author_is_welcomed(outbox, visitor):
    assert visitor.register("ada", email="ada@example.org").status_code == 302
    (sent,) = outbox.wait(1)
    assert (sent.receivers, sent.subject) == (("ada@example.org",), "Welcome to Marginalia")
    for text in (sent.plain, sent.rich):
        assert "Hello ada," in text
        assert "https://blog.example.org/create" in text


def test_a_mail_is_in_the_language_in_which_its_receiver_registered(outbox, visit, bob):
    carla = visit()
    carla.get("/?locale=pt_pt")
    assert carla.register("carla", email="carla@example.org").status_code == 302
    bob.post(f"{carla.write()}/comments", {"text": "Nice"})
    welcome, told = outbox.wait(2)
    assert (welcome.subject, told.subject) == ("Boas-vindas ao Marginalia", "bob comentou “A title”")
    assert "Olá, carla," in welcome.plain
    assert '<html lang="pt-PT">' in told.rich


def test_an_author_is_told_of_a_comment(outbox, writer, bob):
    path = writer.write(title="Tea & <cake>")
    bob.post(f"{path}/comments", {"text": "<b>Nice</b>\nand warm"})
    (sent,) = outbox.wait(1)
    assert (sent.receivers, sent.subject) == (("ada@example.org",), "bob commented on “Tea & <cake>”")
    assert "bob commented on “Tea & <cake>”:\n\n<b>Nice</b>" in sent.plain
    assert "&lt;b&gt;Nice&lt;/b&gt;" in sent.rich
    assert f"https://blog.example.org{path}#comments" in sent.plain


def test_nobody_is_told_of_a_comment_of_their_own(outbox, writer):
    path = writer.write()
    writer.post(f"{path}/comments", {"text": "Me again"})
    assert outbox == []


def test_an_author_without_an_address_gets_no_mail(outbox, ada, bob):
    path = ada.write()
    bob.post(f"{path}/comments", {"text": "Nice"})
    assert outbox == []


@pytest.mark.parametrize("email", ["ada", "ada@", "a@b@c.org", "ada@example.org\nBcc: eve@example.org", "x" * 255])
def test_an_address_that_does_not_do_is_explained_beside_its_input(outbox, visitor, email):
    answer = visitor.register("ada", email=email)
    assert answer.status_code == 422
    assert 'id="email-problem"' in answer.text
    assert outbox == []


def test_an_address_is_shown_to_nobody(writer, bob):
    path = writer.write()
    for reader in (writer, bob):
        assert "ada@example.org" not in reader.get(path).text + reader.get("/").text


@pytest.mark.parametrize("title", ["Two\r\nlines", "=?utf-8?q?=0ABcc:_eve@example.org?="])
def test_a_title_adds_no_header_and_breaks_no_page(outbox, writer, bob, title, caplog):
    path = writer.write(title=title)
    assert bob.post(f"{path}/comments", {"text": "Nice"}).status_code == 302
    if "lines" in title:
        assert outbox.wait(1)[0].subject == "bob commented on “Two lines”"
    else:
        assert "is not sent: subject" in caplog.text
        assert outbox == []


def test_no_page_fails_as_there_is_no_mail_server(visitor, caplog):
    assert visitor.register("ada", email="ada@example.org").status_code == 302
    assert "The mail 'welcome' is not sent: SMTP_HOST is not set" in caplog.text
