"""Mail of an app: templates, links, languages, and the ways to send it."""

from __future__ import annotations

import inspect
import logging
from datetime import date
from pathlib import Path

import flask
import flask_babel
import jinja2
import pytest
from mailserver import PASSWORD, USER

import quorum
from quorum.mail import transport

pytest_plugins = ["quorum.testing"]

WHO = {"sender": "blog@example.org", "receivers": ["Ada <ada@example.org>"]}


@pytest.fixture
def app(quorum_load, tmp_path):
    """An app in memory, whose templates are in `tmp_path`."""
    made = flask.Flask("page", template_folder=str(tmp_path), instance_path=str(tmp_path / "instance"))
    made.add_url_rule("/posts/<int:number>", "post")
    return quorum_load(made)


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        return name

    return write


def test_the_signatures_are_those_of_the_guide():
    for function in (quorum.send_mail, quorum.send_mail_a):
        parameters = inspect.signature(function).parameters.values()
        assert [(one.name, one.default) for one in parameters if one.kind is not one.VAR_KEYWORD] == [
            ("app", None),
            ("subject", ""),
            ("sender", None),
            ("receivers", []),
            ("data", None),
            ("plain", None),
            ("rich", None),
            ("context", {}),
        ]


def test_data_fills_both_parts(app, outbox):
    receipt = quorum.send_mail(app, "Hello", data="1 < 2\nAda", **WHO)
    (sent,) = outbox
    assert (sent.subject, sent.plain) == ("Hello", "1 < 2\nAda\n")
    assert "1 &lt; 2\nAda" in sent.rich
    assert (receipt.message_id, receipt.accepted) == (sent.message_id, ("ada@example.org",))


def test_each_part_has_its_template(app, outbox, write):
    app.add_template_filter(str.upper, "loud")
    app.context_processor(lambda: {"site": "Marginalia & Co"})
    plain = write("mail/welcome.txt.tpl", "Hi {{ name|loud }} of {{ site }}")
    rich = write("mail/welcome.html.tpl", "<p>Hi {{ name }} of {{ site }}")
    quorum.send_mail(subject="Hello", plain=plain, rich=rich, context={"name": "<Ada>"}, **WHO)
    assert outbox[0].plain == "Hi <ADA> of Marginalia & Co\n"
    assert outbox[0].rich == "<p>Hi &lt;Ada&gt; of Marginalia &amp; Co\n"


@pytest.mark.parametrize("name", ["mail.txt", "mail.tpl", "mail.html"])
def test_a_rich_part_is_escaped_and_a_plain_one_not_whatever_their_names(app, outbox, write, name):
    write(name, "{{ text }}{% include 'more.txt' %}")
    write("more.txt", "{{ text }}")
    quorum.send_mail(subject="Hello", plain=name, rich=name, context={"text": "<b>"}, **WHO)
    assert (outbox[0].plain, outbox[0].rich) == ("<b><b>\n", "&lt;b&gt;&lt;b&gt;\n")


@pytest.mark.parametrize(
    ("given", "plain", "rich"),
    [
        ({"rich": "a.html"}, "Rich *text*\n", "<p>Rich *text*\n"),
        ({"rich": "a.html", "data": "data"}, "data\n", "<p>Rich *text*\n"),
        ({"plain": "a.txt"}, "Plain & text\n", "Plain &amp; text"),
        ({"plain": "a.txt", "data": "data"}, "Plain & text\n", "data"),
    ],
)
def test_a_part_without_a_template_is_made(app, outbox, write, given, plain, rich):
    write("a.txt", "Plain & text")
    write("a.html", "<p>Rich *text*")
    quorum.send_mail(subject="Hello", **given, **WHO)
    assert outbox[0].plain == plain
    assert rich in outbox[0].rich


def test_the_values_of_the_caller_are_not_changed(app, outbox, write):
    values = {"a": 1}
    quorum.send_mail(plain=write("a.txt", "{{ a }}"), context=values, **WHO)
    assert values == {"a": 1}


def test_a_template_that_is_not_there_is_an_error(app, outbox):
    with pytest.raises(jinja2.TemplateNotFound, match=r"a\.txt"):
        quorum.send_mail(plain="a.txt", **WHO)


@pytest.mark.parametrize(("given", "what"), [({"subject": None, "data": "Hi"}, "subject"), ({}, "text")])
def test_a_mail_without_a_subject_or_a_text_is_a_mistake(app, outbox, given, what):
    with pytest.raises((TypeError, quorum.ConfigurationError), match=what):
        quorum.send_mail(**given, **WHO)
    assert outbox == []


def test_an_unknown_argument_is_a_mistake(app, outbox):
    with pytest.raises(TypeError, match="recievers"):
        quorum.send_mail(data="Hi", recievers=["a@b.de"], **WHO)
    assert outbox == []


def test_the_subject_in_place_of_the_app_is_a_mistake(app, outbox):
    with pytest.raises(TypeError, match="app must be a Flask app, not a str"):
        quorum.send_mail("Hello", data="Hi", **WHO)


def test_an_app_that_is_not_loaded_is_a_mistake(app, outbox):
    with pytest.raises(quorum.ConfigurationError, match="'other' is not loaded"):
        quorum.send_mail(flask.Flask("other"), data="Hi", **WHO)


def test_a_mail_is_of_the_app_that_is_named(app, outbox, quorum_load, write):
    write("a.txt", "{{ config.SITE }}")
    app.config["SITE"] = "one"
    quorum_load(SITE="two")
    quorum.send_mail(app, plain="a.txt", **WHO)
    assert outbox[0].plain == "one\n"


@pytest.mark.promise("M2")
def test_input_in_a_subject_adds_no_header(app, outbox):
    @app.post("/contact")
    def contact():
        quorum.send_mail(subject=f"Question: {flask.request.form['subject']}", data="Hi", **WHO)
        return "sent"

    client = app.test_client()
    answer = client.post(
        "/contact", data={"subject": "x\r\nBcc: eve@example.org"}, headers={"Accept": "application/json"}
    )
    assert answer.status_code == 422
    assert list(answer.json["error"]["messages"]) == ["subject"]
    assert outbox == []
    assert client.post("/contact", data={"subject": "x"}).text == "sent"


# Links


def test_a_link_has_the_public_address_of_the_app(quorum_load, outbox, write, app, monkeypatch):
    monkeypatch.setenv("BASE_URL", "https://blog.example.org/en")
    made = quorum_load(flask.Flask("public", template_folder=app.template_folder))
    made.add_url_rule("/posts/<int:number>", "post")
    write("a.txt", "{{ url_for('post', number=1, page=2, _anchor='the end') }}")
    with made.test_request_context("/", base_url="http://evil.example.com"):
        quorum.send_mail(plain="a.txt", **WHO)
    quorum.send_mail(made, plain="a.txt", **WHO)
    assert {sent.plain for sent in outbox} == {"https://blog.example.org/en/posts/1?page=2#the%20end\n"}


def test_a_link_in_a_macro_has_it_too(app, outbox, write):
    app.config.update(SERVER_NAME="blog.example.org", PREFERRED_URL_SCHEME="https")
    write("macros.html", "{% macro link() %}{{ url_for('post', number=1) }}{% endmacro %}")
    quorum.send_mail(rich=write("a.html", "{% from 'macros.html' import link %}{{ link() }}"), **WHO)
    assert outbox[0].rich == "https://blog.example.org/posts/1\n"


def test_a_link_of_a_blueprint_may_be_relative_to_it(app, outbox, write):
    blueprint = flask.Blueprint("shop", "shop", url_prefix="/shop")

    @blueprint.get("/cart")
    def cart():
        quorum.send_mail(plain="a.txt", **WHO)
        return ""

    app.register_blueprint(blueprint)
    write("a.txt", "{{ url_for('.cart') }}")
    assert app.test_client().get("/shop/cart").status_code == 200
    assert outbox[0].plain == "http://localhost:5000/shop/cart\n"


def test_a_link_without_a_public_address_is_an_error_in_production(app, outbox, write):
    app.testing = False
    write("a.txt", "{{ url_for('post', number=1) }}")
    request = app.test_request_context("/", base_url="http://evil.example.com")
    with request, pytest.raises(quorum.ConfigurationError, match="BASE_URL"):
        quorum.send_mail(plain="a.txt", **WHO)
    assert outbox == []


# Languages


@pytest.fixture
def speaker(quorum_load, tmp_path):
    """An app in three languages."""
    made = flask.Flask("page", template_folder=str(tmp_path), instance_path=str(tmp_path / "instance"))
    quorum_load(made, locales=("en_us", "pt_pt", "de"))
    made.jinja_env.globals["month"] = month
    return made


def month():
    return flask_babel.format_date(date(2026, 3, 1), "MMMM")


@pytest.mark.parametrize(
    ("locale", "written"), [(None, "March"), ("pt", "março"), ("de-AT", "März"), ("pt_pt", "março"), ("fr", "March")]
)
def test_a_mail_is_in_the_language_of_its_receiver(speaker, outbox, write, locale, written):
    write("a.txt", "{{ month() }}")
    with speaker.test_request_context():
        quorum.send_mail(subject=flask_babel.LazyString(month), plain="a.txt", locale=locale, **WHO)
        assert str(flask_babel.get_locale()) == "en_US"
    assert (outbox[0].plain, outbox[0].subject) == (f"{written}\n", written)


def test_a_language_that_does_not_exist_is_refused(speaker, outbox):
    with pytest.raises(quorum.ValidationError, match="locale: Is no locale"):
        quorum.send_mail(data="Hi", locale="../etc", **WHO)


def test_an_app_with_one_language_speaks_it(app, outbox):
    quorum.send_mail(data="Hi", locale="pt", **WHO)
    assert outbox[0].plain == "Hi\n"


# Senders and servers


def test_the_sender_is_the_user_of_the_server(app, quorum_load, outbox, monkeypatch):
    quorum.send_mail(data="Hi", receivers=["ada@example.org"])
    monkeypatch.setenv("SMTP_USER", "blog@example.org")
    quorum.send_mail(quorum_load(), data="Hi", receivers=["ada@example.org"])
    assert [sent.sender for sent in outbox] == ["quorum@localhost", "blog@example.org"]


@pytest.mark.parametrize("user", [None, "apikey"])
def test_a_mail_without_a_sender_is_a_mistake(quorum_load, outbox, monkeypatch, user):
    monkeypatch.setenv("SMTP_HOST", "localhost")
    if user:
        monkeypatch.setenv("SMTP_USER", user)
    with pytest.raises(quorum.ConfigurationError, match="has no sender"):
        quorum.send_mail(quorum_load(), data="Hi", receivers=["ada@example.org"])


def test_a_mail_without_a_server_is_an_error_in_production(app):
    for send in (quorum.send_mail, quorum.send_mail_a):
        with pytest.raises(quorum.ConfigurationError, match="SMTP_HOST is not set"):
            send(data="Hi", **WHO)


def test_a_mail_without_a_server_is_kept_in_debug_mode(app, caplog):
    app.debug = True
    quorum.send_mail(subject="Hello", data="Your code is 1234.", **WHO)
    quorum.send_mail_a(subject="Hello", data="Hi", **WHO).result(5)
    assert len(list(Path(app.instance_path, "mail").glob("*.eml"))) == 2
    assert "Your code is 1234." in caplog.text


@pytest.fixture
def server(run_mailserver, trusted, monkeypatch):
    """A server with STARTTLS and a login, and the variables that name it."""
    server = run_mailserver(starttls=trusted.right, auth=True)
    for name, value in (("SMTP_HOST", server.address), ("SMTP_USER", USER), ("SMTP_PASSWORD", PASSWORD)):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(transport, "PAUSES", (0, 0))
    return server


@pytest.fixture
def served(server, app):
    return server


@pytest.mark.promise("M1", "M3")
def test_a_mail_arrives_part_by_part_as_it_was_sent(served, write, tmp_path):
    (tmp_path / "cv.pdf").write_bytes(b"%PDF-1.7")
    write("welcome.html.tpl", '<p>Olá {{ name }}</p><img src="cid:logo" alt="Logo">')
    receipt = quorum.send_mail(
        subject="Olá, Zoë",
        sender=("Márcia", USER),
        receivers=["Zoë <zoe@bücher.example>"],
        rich="welcome.html.tpl",
        context={"name": "Zoë"},
        cc=["Bob <bob@example.org>"],
        bcc=["eve@example.org"],
        reply_to="noreply@example.org",
        headers={"Auto-Submitted": "auto-generated"},
        attachments=[tmp_path / "cv.pdf", ("ação.txt", "é".encode(), "text/plain; charset=utf-8")],
        inline={"logo": ("logo.png", b"\x89PNG", "image/png")},
        unsubscribe="https://example.org/out",
    )
    (arrived,) = served.mails
    assert arrived.is_encrypted
    assert arrived.receivers == receipt.accepted == ("zoe@xn--bcher-kva.example", "bob@example.org", "eve@example.org")
    read = arrived.message
    assert (read["Subject"], read["Message-ID"]) == ("Olá, Zoë", receipt.message_id)
    assert (read["From"].addresses[0].display_name, read["To"].addresses[0].display_name) == ("Márcia", "Zoë")
    assert "eve" not in str(read)
    assert read["List-Unsubscribe"] == "<https://example.org/out>"
    assert read.get_body(("plain",)).get_content().strip() == "Olá Zoë\r\n\r\n[Logo]"
    assert "<p>Olá Zoë</p>" in read.get_body(("html",)).get_content()
    assert [(part.get_filename(), part.get_payload(decode=True)) for part in read.iter_attachments()] == [
        ("cv.pdf", b"%PDF-1.7"),
        ("ação.txt", "é".encode()),
    ]


def test_several_mails_go_over_one_connection(served):
    with quorum.mailer() as mailer:
        for number in range(5):
            mailer.send(subject=f"Mail {number}", data="Hi", receivers=["ada@example.org"])
    assert [arrived.message["Subject"] for arrived in served.mails] == [f"Mail {number}" for number in range(5)]
    assert served.connections == 1


def test_a_mailer_goes_on_after_a_mail_that_was_refused(served):
    served.refused["bob@example.org"] = "550 no"
    with quorum.mailer() as mailer:
        with pytest.raises(quorum.MailError):
            mailer.send(data="Hi", receivers=["bob@example.org"])
        with pytest.raises(quorum.ValidationError):
            mailer.send(subject="\n", data="Hi", receivers=["ada@example.org"])
        mailer.send(data="Hi", receivers=["ada@example.org"])
    assert len(served.mails) == 1


def test_an_error_of_the_server_is_an_http_error(served, app):
    @app.get("/")
    def view():
        quorum.send_mail(data="Hi", receivers=["ada@example.org"])

    app.testing = app.config["PROPAGATE_EXCEPTIONS"] = False
    served.answers["DATA"] = ["451 later"] * 3 + ["554 spam"]
    client = app.test_client()
    assert [client.get("/").status_code for _ in range(2)] == [503, 500]


# In the background


def test_a_mail_in_the_background_arrives(served):
    receipt = quorum.send_mail_a(subject="Hello", data="Hi", receivers=["ada@example.org"]).result(10)
    assert served.mails[0].message["Message-ID"] == receipt.message_id


def test_its_handle_tells_which_receivers_were_refused(served, caplog):
    served.refused["bob@example.org"] = "550 5.1.1 No such user"
    handle = quorum.send_mail_a(data="Hi", receivers=["ada@example.org", "bob@example.org"])
    receipt = handle.result(10)
    assert receipt.accepted == ("ada@example.org",)
    assert receipt.refused["bob@example.org"].code == 550
    (warning,) = [record for record in caplog.records if record.name == "quorum.web.mailjobs"]
    assert warning.levelno == logging.WARNING
    assert "was refused for 1 of 2 receivers: 550" in warning.getMessage()
    assert "bob@" not in warning.getMessage()


@pytest.mark.promise("M4")
def test_in_the_background_too_a_temporary_failure_is_tried_again(served):
    served.answers["DATA"] = ["451 later"]
    receipt = quorum.send_mail_a(data="Hi", receivers=["ada@example.org"]).result(10)
    assert {arrived.message["Message-ID"] for arrived in served.mails} == {receipt.message_id}
    assert served.seen.count("DATA") == 2


@pytest.mark.promise("M4")
def test_in_the_background_too_a_permanent_failure_is_not(served):
    served.answers["DATA"] = ["554 spam"]
    with pytest.raises(quorum.MailError, match="554 spam"):
        quorum.send_mail_a(data="Hi", receivers=["ada@example.org"]).result(10)
    assert served.seen.count("DATA") == 1


def test_what_is_wrong_with_a_mail_is_told_at_once(served):
    with pytest.raises(quorum.ValidationError, match="subject"):
        quorum.send_mail_a(subject="a\nb", data="Hi", receivers=["ada@example.org"])


def test_a_mail_in_the_background_is_rendered_where_it_was_asked_for(served, app, write):
    write("a.txt", "{{ request.path }} {{ g.name }}")

    @app.get("/here")
    def view():
        flask.g.name = "Ada"
        quorum.send_mail_a(plain="a.txt", receivers=["ada@example.org"]).result(10)
        return ""

    assert app.test_client().get("/here").status_code == 200
    assert served.mails[0].message.get_body(("plain",)).get_content().strip() == "/here Ada"


def test_the_outbox_waits_for_the_background(app, outbox):
    handles = [quorum.send_mail_a(subject=str(number), data="Hi", **WHO) for number in range(3)]
    assert {sent.subject for sent in outbox.wait(3)} == {"0", "1", "2"}
    assert [handle.result(5).refused for handle in handles] == [{}, {}, {}]
    with pytest.raises(TimeoutError, match=r"3 mails were sent in 0\.01 seconds, not 4"):
        outbox.wait(4, timeout=0.01)
