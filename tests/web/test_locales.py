"""The language of a request, and what is said in it."""

import builtins
import importlib.util
import logging

import flask
import flask_babel
import pytest
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

import quorum
from quorum import errors
from quorum.web import locales

PROGRAM = {"Accept": "application/json"}


class Note(quorum.Model):
    title: str = quorum.field(max_length=3)


@pytest.fixture
def load(mock_url, monkeypatch):
    """Loads an app whose pages tell the language."""
    monkeypatch.setenv("MONGOHQ_URL", mock_url)
    monkeypatch.setenv("SECRET_KEY", "of the tests")

    def load(available=("en_us", "pt_pt", "de"), **configuration):
        app = quorum.load(name="speaking", locales=available, models=[Note], **configuration)
        app.add_url_rule("/", "page", lambda: str(flask_babel.get_locale()))
        app.add_url_rule("/silent", "silent", lambda: "the same for all")
        app.add_url_rule("/notes", "notes", lambda: Note.new(flask.request.get_json()).save().title, methods=["POST"])

        @app.get("/account")
        def account():
            return f"{flask.session.get('user')} {flask_babel.get_locale()}"

        @app.get("/login/<locale>")
        def login(locale):
            flask.session["user"], flask.session["locale"] = "ada", locale
            return "welcome"

        return app

    yield load
    quorum.unload()


@pytest.fixture
def client(load):
    return load().test_client()


def accepting(languages):
    return {"Accept-Language": languages}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("en_us", "en_us"), ("en-US", "en_us"), ("EN", "en_us"), ("pt", "pt_pt"), ("pt-BR", "pt_pt"), (" de-AT ", "de"),
        ("zh-Hant-TW", "zh_hant"), ("zh", "zh_hant"), ("zh-Hans", "zh_hant"),
        ("fr", None), ("p", None), ("", None), (None, None), ("pt_", None), ("../pt", None), ("pt\n", "pt_pt"),
        ("pt" * 40, None), ("\u0440\u0442", None), ("pt\0", None),
    ],
)  # fmt: skip
def test_a_locale_is_matched_as_people_and_browsers_write_it(wanted, found):
    assert locales.Locales(("en_us", "pt_pt", "de", "zh_hant")).match(wanted) == found


@pytest.mark.parametrize(
    ("accepted", "locale"),
    [
        ("pt-PT,pt;q=0.9,en;q=0.8", "pt_PT"),
        ("pt-BR,en;q=0.8", "pt_PT"),
        ("fr,de;q=0.5,en;q=0.2", "de"),
        ("en;q=0.2,de;q=0.7", "de"),
        ("de;q=0,pt;q=0.1", "pt_PT"),
        ("fr", "en_US"),
        ("*", "en_US"),
        (";;;q=,\xff", "en_US"),
        ("", "en_US"),
    ],
)
def test_the_browser_says_which_languages_it_prefers(client, accepted, locale):
    assert client.get("/", headers=accepting(accepted)).text == locale


def test_a_choice_in_the_url_holds_for_later_requests(client):
    answer = client.get("/?locale=pt", headers=accepting("de"))
    assert answer.text == "pt_PT"
    assert "locale=pt_pt;" in answer.headers["Set-Cookie"]
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]
    later = client.get("/", headers=accepting("de"))
    assert later.text == "pt_PT"
    assert "Set-Cookie" not in later.headers


@pytest.mark.parametrize("choice", ["fr", "", "pt_pt;x", "%00", "../../etc"])
def test_a_choice_that_there_is_not_is_ignored(client, choice):
    answer = client.get(f"/?locale={choice}", headers=accepting("de"))
    assert answer.text == "de"
    assert "Set-Cookie" not in answer.headers


def test_a_cookie_that_makes_no_sense_is_ignored(client):
    client.set_cookie("locale", "klingon")
    assert client.get("/", headers=accepting("de")).text == "de"


def test_the_session_goes_before_the_cookie_and_the_url_before_the_session(client):
    client.set_cookie("locale", "de")
    client.get("/login/pt_pt")
    assert client.get("/account").text == "ada pt_PT"
    assert client.get("/account?locale=en").text == "ada en_US"
    assert client.get("/account").text == "ada en_US"


def test_the_choice_in_a_session_holds_on_pages_that_need_no_session(client):
    client.get("/login/pt_pt")
    assert client.get("/").text == "pt_PT"


def test_a_choice_in_the_url_changes_the_one_in_the_session_on_any_page(client):
    client.get("/login/pt_pt")
    client.get("/silent?locale=de")
    assert client.get("/account").text == "ada de"


def test_a_page_that_needs_no_session_does_not_read_it(load):
    app = load()
    read = []

    class Session(SecureCookieSession):
        def get(self, key, default=None):
            read.append(key)
            return super().get(key, default)

    class Interface(SecureCookieSessionInterface):
        session_class = Session

    app.session_interface = Interface()
    client = app.test_client()
    client.get("/login/pt_pt")
    read.clear()
    client.get("/")
    assert "locale" not in read
    client.get("/account")
    assert "locale" in read


def test_a_session_that_cannot_be_read_leaves_the_cookie_and_the_browser(load, caplog):
    app = load()

    class Session(SecureCookieSession):
        def get(self, key, default=None):
            raise errors.OperationalError("Redis does not answer.")

    class Interface(SecureCookieSessionInterface):
        session_class = Session

        def save_session(self, app, session, response):
            pass

    app.session_interface = Interface()
    client = app.test_client()
    client.set_cookie("session", "of before")
    with caplog.at_level(logging.WARNING):
        answer = client.get("/?locale=pt")
    assert answer.text == "pt_PT"
    assert "locale=pt_pt" in answer.headers["Set-Cookie"]
    assert "Redis does not answer." in caplog.text
    assert client.get("/account", headers=accepting("de")).status_code == 503


def test_caches_are_told_what_a_page_depends_on(client):
    answer = client.get("/", headers=accepting("pt"))
    assert answer.headers["Content-Language"] == "pt-PT"
    assert {"accept-language", "cookie"} <= answer.vary.as_set()


def test_an_answer_that_is_the_same_in_all_languages_says_nothing_of_them(client):
    answer = client.get("/silent", headers=accepting("pt"))
    assert "Content-Language" not in answer.headers
    assert "Vary" not in answer.headers


def test_one_language_other_than_english_is_that_of_all(load):
    answer = load(("pt_pt",)).test_client().get("/?locale=en", headers=accepting("en"))
    assert answer.text == "pt_PT"
    assert answer.headers["Content-Language"] == "pt-PT"
    assert "Vary" not in answer.headers
    assert "Set-Cookie" not in answer.headers


def test_instances_keep_their_choices_apart(load, monkeypatch):
    monkeypatch.setenv("INSTANCE", "blue")
    assert "locale_blue=de;" in load().test_client().get("/?locale=de").headers["Set-Cookie"]


def test_the_cookie_is_as_safe_as_the_sessions(load):
    cookie = load(SESSION_COOKIE_SECURE=True).test_client().get("/?locale=de").headers["Set-Cookie"]
    assert "Secure" in cookie


def test_messages_of_validation_are_in_the_language_of_the_request(client):
    answer = client.post("/notes", json={"title": "long", "x": 1}, headers={**PROGRAM, **accepting("pt")})
    assert answer.status_code == 422
    error = answer.json["error"]
    assert error["messages"] == {
        "title": ["Mais longo do que o comprimento máximo de 3."],
        "x": ["Campo desconhecido."],
    }
    assert "Mais longo do que" in error["message"]
    assert answer.headers["Content-Language"] == "pt-PT"
    assert {"accept", "accept-language", "cookie"} <= answer.vary.as_set()


def test_the_error_itself_stays_in_english(load):
    app = load()
    with app.test_request_context("/?locale=pt"), pytest.raises(quorum.ValidationError) as caught:
        Note(title="long").save()
    assert caught.value.messages == {"title": ["Longer than maximum length 3."]}
    assert str(caught.value) == "Note: title: Longer than maximum length 3."


def test_a_form_shows_messages_by_translate(load):
    app = load()
    with app.test_request_context("/?locale=de"):
        assert quorum.translate("Unknown field.") == "Unbekanntes Feld."
        assert quorum.translate({"n": ["Not a valid integer."]}) == {"n": ["Keine gültige ganze Zahl."]}
        with flask_babel.force_locale("pt_PT"):
            assert quorum.translate("Unknown field.") == "Campo desconhecido."


def test_nothing_is_translated_where_no_app_is(load):
    assert quorum.translate("Unknown field.") == "Unknown field."
    with load().app_context():
        assert quorum.translate("Unknown field.") == "Unknown field."


def test_the_apps_own_catalogue_goes_first(load, tmp_path):
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo

    catalogue = Catalog(locale="pt")
    catalogue.add("Unknown field.", "Não conheço esse campo.")
    catalogue.add("Not a tag: {tag}.", "{tag} não é uma etiqueta.")
    folder = tmp_path / "pt" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "messages.mo").open("wb") as file:
        write_mo(file, catalogue)
    with load(BABEL_TRANSLATION_DIRECTORIES=str(tmp_path)).test_request_context("/?locale=pt"):
        assert quorum.translate(["Unknown field.", "Not a tag: $gt.", "Invalid value."]) == [
            "Não conheço esse campo.",
            "$gt não é uma etiqueta.",
            "Valor inválido.",
        ]
        assert flask_babel.gettext("Unknown field.") == "Não conheço esse campo."


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("pt_pt", "locales='pt_pt' is no list of locales"),
        ((), "is no list of locales"),
        (("en_us", "portuguese"), "'portuguese' is no locale"),
        (("en_us", 3), "3 is no locale"),
        (("en_us", "en-US"), "has a locale twice"),
        (("en_us", "xx"), "Babel knows no locale 'xx'"),
        (("en_us", "pt_zz9"), "Babel knows no locale 'pt_zz9'"),
    ],
)
def test_a_locale_that_makes_no_sense_is_told_at_load(load, given, told):
    with pytest.raises(quorum.ConfigurationError, match=told):
        load(given)


@pytest.fixture
def without_babel(monkeypatch):
    find, load = importlib.util.find_spec, builtins.__import__

    def refuse(name, *arguments, **options):
        if name.split(".")[0] in ("flask_babel", "babel"):
            raise ImportError(name)
        return load(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "flask_babel" else find(name))


@pytest.mark.parametrize("given", [("en_us", "pt_pt"), ("pt_pt",)])
def test_another_language_without_flask_babel_tells_what_to_install(load, without_babel, given):
    with pytest.raises(quorum.ConfigurationError, match=r'pip install "quorum\[locales\]"'):
        load(given)


def test_english_alone_needs_no_flask_babel(load, without_babel):
    client = load(("en_us",)).test_client()
    answer = client.post("/notes", json={"title": "long"}, headers={**PROGRAM, **accepting("pt")})
    assert answer.json["error"]["messages"] == {"title": ["Longer than maximum length 3."]}
    assert "Content-Language" not in answer.headers
    assert "accept-language" not in answer.vary.as_set()


def test_an_app_is_loaded_again_with_other_languages(load):
    app = load()
    assert app.test_client().get("/", headers=accepting("de")).text == "de"
    quorum.unload()
    quorum.load(app, locales=("pt_pt", "en_us"))
    assert app.test_client().get("/", headers=accepting("de")).text == "pt_PT"
    quorum.unload()
    assert app.after_request_funcs[None] == []


def test_an_app_that_served_in_english_is_loaded_again_with_other_languages(load):
    app = load(("en_us",))
    app.test_client().get("/")
    quorum.unload()
    quorum.load(app, locales=("pt_pt", "en_us"))
    assert app.test_client().get("/").headers["Content-Language"] == "pt-PT"
