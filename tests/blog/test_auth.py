"""Accounts: registering, logging in and out, and where one goes from there."""

import pytest
from werkzeug import security

import quorum


def test_registering_logs_in_and_welcomes(visitor):
    answer = visitor.post("/auth/register", {"username": "ada", "password": "correct horse"}, follow_redirects=True)
    assert answer.request.path == "/"
    assert "Welcome, ada." in answer.text
    assert "Log out" in answer.text


@pytest.fixture
def real_hashes(app, monkeypatch):
    from blog import models

    monkeypatch.setattr(models, "generate_password_hash", security.generate_password_hash)
    models.hash_of_nobody.cache_clear()
    yield
    models.hash_of_nobody.cache_clear()


def test_the_password_is_stored_as_a_hash(real_hashes, ada):
    from blog.models import Author

    stored = Author.collection.find_one({})
    assert "correct horse" not in str(stored)
    assert stored["password_hash"].startswith("scrypt:")
    assert "password_hash" not in Author.get(username="ada").dump()


@pytest.mark.parametrize("username", ["ada", "ADA", " Ada "])
def test_a_username_is_taken_in_any_case(ada, visitor, username):
    answer = visitor.register(username)
    assert answer.status_code == 422
    assert "Already exists." in answer.text


@pytest.mark.parametrize("username", ["", "a", "x" * 31, "ada lovelace", "ádá", "a\0b", "<b>", "$gt", "a\nb"])
def test_a_username_that_does_not_do_is_explained_beside_its_input(visitor, username):
    answer = visitor.register(username)
    assert answer.status_code == 422
    assert 'id="username-problem"' in answer.text
    assert 'id="password-problem"' not in answer.text


@pytest.mark.parametrize("password", ["", "seven77", "x" * 129])
def test_a_password_has_a_least_and_a_greatest_length(visitor, password):
    answer = visitor.register("ada", password)
    assert answer.status_code == 422
    assert "Length must be between 8 and 128." in answer.text
    assert 'value="ada"' in answer.text
    assert 'type="password"' in answer.text


def test_a_password_is_never_sent_back(visitor):
    assert "correct horse" not in visitor.register("not a name").text
    assert "correct horse" not in visitor.login("nobody").text


@pytest.mark.parametrize("username", ["ada", "Ada", " ADA"])
def test_logging_in_takes_the_username_in_any_case(ada, visitor, username):
    assert visitor.login(username).location == "/"
    assert "Welcome back, ada." in visitor.get("/").text


@pytest.mark.parametrize(
    ("username", "password"), [("ada", "wrong"), ("ada", ""), ("nobody", "correct horse"), ("", "")]
)
def test_wrong_credentials_say_the_same_whatever_is_wrong(ada, visitor, username, password):
    answer = visitor.login(username, password)
    assert answer.status_code == 422
    assert "The username or the password is wrong." in answer.text
    assert "Log out" not in answer.text


def test_an_unknown_username_costs_a_hash_like_a_known_one(real_hashes, ada, visitor, monkeypatch):
    from blog import models

    checked = []

    def check(known, password):
        checked.append(known)
        return security.check_password_hash(known, password)

    monkeypatch.setattr(models, "check_password_hash", check)
    visitor.login("ada", "wrong")
    visitor.login("nobody", "wrong")
    assert [known.split("$")[0] for known in checked] == ["scrypt:32768:8:1"] * 2


def test_logging_out_ends_the_session(ada):
    answer = ada.post("/auth/logout", follow_redirects=True)
    assert "You are logged out." in answer.text
    assert "Log in" in answer.text
    assert ada.get("/create").status_code == 302


def test_logging_out_takes_a_post(ada):
    assert ada.get("/auth/logout").status_code == 405


def test_logging_in_starts_a_new_session(ada, visitor):
    with visitor.client.session_transaction() as session:
        session["planted"] = "before"
    before = visitor.token()
    visitor.login("ada")
    with visitor.client.session_transaction() as session:
        assert "planted" not in session
        assert session["author"]
    assert visitor.post("/auth/logout", {"csrf_token": before}).status_code == 400


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(visitor):
    cookie = visitor.register("ada").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_session_of_a_deleted_account_is_nobodys(ada):
    from blog.models import Author

    Author.get(username="ada").delete()
    assert "Log in" in ada.get("/").text


def test_one_is_sent_to_log_in_and_back(ada, visitor):
    answer = visitor.get("/create")
    assert answer.location == "/auth/login?next=/create"
    assert "Please log in first." in visitor.get(answer.location).text
    assert visitor.login("ada", next="/create").location == "/create"


def test_a_new_account_goes_back_too(visitor):
    form = {"username": "ada", "password": "correct horse"}
    assert "/auth/register?next=/create" in visitor.get("/auth/login?next=/create").text
    assert visitor.post("/auth/register?next=/create", form).location == "/create"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/\n/evil.example",
        "/\r\nSet-Cookie: a=b",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "evil.example",
        "@evil.example",
        "/\0",
        "",
    ],
)
def test_another_site_is_no_place_to_go_back_to(ada, visitor, target):
    assert visitor.login("ada", next=target).location == "/"


@pytest.mark.parametrize("path", ["/auth/register", "/auth/login", "/auth/logout", "/create"])
def test_a_form_without_its_token_is_refused(ada, path):
    answer = ada.client.post(path, data={"username": "bob", "password": "correct horse", "title": "a", "body": "b"})
    assert answer.status_code == 400
    assert "The CSRF token is missing." in answer.text
    assert "<header" in answer.text


def test_accounts_work_with_sessions_in_redis(visit_redis):
    from blog.models import Author

    ada, thief = visit_redis(), visit_redis()
    planted = ada.get("/auth/login").headers["Set-Cookie"].partition(";")[0].partition("=")[2]
    thief.client.set_cookie("session", planted)
    assert ada.register("ada").location == "/"
    assert "Welcome, ada." in ada.get("/").text
    assert "Log in" in thief.get("/").text
    assert quorum.end_sessions(Author.get(username="ada").id) == 1
    assert ada.get("/create").status_code == 302
    assert ada.login("ada", next="/create").location == "/create"
    ada.post("/auth/logout")
    assert "You are logged out." in ada.get("/").text
    assert ada.get("/create").status_code == 302
