"""Sessions in Redis: what they keep, who can have one, and when they end."""

from __future__ import annotations

import datetime as dt
import logging
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

import flask
import hypothesis
import hypothesis.stateful as machine
import pytest
import redis
from bson import ObjectId
from flask.testing import FlaskClient
from hypothesis import strategies as st
from values import SESSION_VALUES as VALUES
from werkzeug.test import TestResponse

import quorum
from quorum.web import session_store, sessions

Work = Callable[[], Any]


class Site:
    """An app whose only page does what it is told, in a request: `site.do(client, work)`."""

    def __init__(self, **options: Any) -> None:
        self.work: Work = dict
        self.app = quorum.load(
            name=options.pop("name", "shop"), redis_session=True, locales=("en_us", "pt_pt"), **options
        )
        self.app.add_url_rule("/", "page", self._page, methods=["GET", "POST"])

    def _page(self) -> str:
        found = self.work()
        return found if isinstance(found, str) else ""

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def do(self, client: FlaskClient, work: Work, **options: Any) -> TestResponse:
        self.work = work
        answer = client.get("/", **options)
        assert answer.status_code == 200, answer.text
        return answer

    def read(self, client: FlaskClient) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.do(client, lambda: found.update(flask.session))
        return found

    def update(self, client: FlaskClient, **values: Any) -> TestResponse:
        return self.do(client, lambda: flask.session.update(values))


@pytest.fixture
def site(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("REDISTOGO_URL", redis_url)
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    yield Site()
    quorum.unload()


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def id_of(client: FlaskClient) -> str | None:
    cookie = client.get_cookie("session")
    return None if cookie is None else cookie.value


def with_id(site: Site, id: str | None) -> FlaskClient:
    client = site.client()
    if id is not None:
        client.set_cookie("session", id)
    return client


def key_of(client: FlaskClient) -> str:
    return f"shop:{{session}}:id:{session_store.digest(id_of(client) or '')}"


def log_out() -> None:
    flask.session.clear()


def log_in(user: Any, **values: Any) -> Work:
    def work() -> None:
        quorum.renew_session(user=user)
        flask.session.update(user=user, **values)

    return work


# What a session keeps


def test_what_is_set_is_there_in_the_next_request(site: Site) -> None:
    client = site.client()
    values = {"user": ObjectId(), "at": dt.datetime.now(dt.UTC), "cart": [{"id": 1, "tags": ("a", "b")}], "": None}
    site.do(client, lambda: flask.session.update(values))
    assert site.read(client) == values


def test_what_is_removed_is_gone(site: Site) -> None:
    client = site.client()
    site.update(client, a=1, b=2)
    site.do(client, lambda: flask.session.pop("a"))
    assert site.read(client) == {"b": 2}


@pytest.mark.promise("S5")
@pytest.mark.parametrize(
    "change",
    [
        lambda session: session["cart"].append(2),
        lambda session: session["deep"]["a"]["b"].append(2),
        lambda session: session["deep"]["a"].clear(),
        lambda session: session.get("cart").insert(0, 0),
        lambda session: next(iter(session.values())).extend([5]),
        lambda session: session.setdefault("cart", []).append(2),
    ],
)
def test_a_change_inside_of_a_value_is_kept(site: Site, change: Callable[[Any], None]) -> None:
    client = site.client()
    site.update(client, cart=[1], deep={"a": {"b": [1]}})
    seen: dict[str, Any] = {}

    def work() -> None:
        change(flask.session)
        seen.update(flask.session)

    site.do(client, work)
    assert seen != {"cart": [1], "deep": {"a": {"b": [1]}}}
    assert site.read(client) == seen


def test_flashed_messages_and_permanent_work_as_in_flask(site: Site) -> None:
    client = site.client()

    def flash() -> None:
        flask.session.permanent = True
        flask.flash("Hello", "greeting")

    answer = site.do(client, flash)
    assert "Expires=" in answer.headers["Set-Cookie"]
    got: list[Any] = []
    site.do(client, lambda: got.extend(flask.get_flashed_messages(with_categories=True)))
    assert got == [("greeting", "Hello")]
    assert site.read(client) == {"_permanent": True}


def test_a_session_that_becomes_permanent_later_gets_a_cookie_that_lasts(site: Site) -> None:
    client = site.client()
    site.update(client, a=1)
    before = id_of(client)
    answer = site.do(client, lambda: setattr(flask.session, "permanent", True))
    assert "Expires=" in answer.headers["Set-Cookie"]
    assert id_of(client) == before


@pytest.mark.promise("S9")
def test_a_value_that_json_cannot_say_is_an_error_where_it_is_set(site: Site) -> None:
    with site.app.test_request_context():
        with pytest.raises(TypeError, match="can't keep a set"):
            flask.session["tags"] = {1}
        with pytest.raises(TypeError, match="key is a str, not a int"):
            flask.session[1] = 1  # type: ignore[index]
        assert "tags" not in flask.session


def test_a_value_that_became_unfit_later_is_a_500_and_stores_nothing(site: Site, server: redis.Redis) -> None:
    client = site.client()
    site.update(client, cart=[])
    before = server.hgetall(key_of(client))
    site.app.config["PROPAGATE_EXCEPTIONS"] = False
    site.work = lambda: flask.session["cart"].append({1})
    assert client.get("/").status_code == 500
    assert server.hgetall(key_of(client)) == before


@pytest.mark.promise("S9")
def test_a_session_that_is_too_large_is_a_500_that_says_so(
    site: Site, server: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    client = site.client()
    site.app.config["PROPAGATE_EXCEPTIONS"] = False
    site.work = lambda: flask.session.update(a="x", notes="x" * sessions.MAX_SIZE)
    assert client.get("/").status_code == 500
    assert re.search(r"The session has \d+ bytes, of which 'notes' has the most; it can have 65536", caplog.text)
    assert server.keys() == []


# Who can have one


@pytest.mark.promise("S1")
def test_an_id_is_256_random_bits_and_only_its_hash_is_in_redis(site: Site, server: redis.Redis) -> None:
    ids = []
    for _ in range(50):
        client = site.client()
        site.update(client, a=1)
        ids.append(id_of(client) or "")
    assert len(set(ids)) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", one) for one in ids)
    stored = b"\n".join(server.keys()).decode()
    assert all(session_store.digest(one) in stored for one in ids)
    assert not any(one in stored for one in ids)


@pytest.mark.promise("S2")
@pytest.mark.parametrize("place", ["query", "form", "header"])
def test_only_the_cookie_names_a_session(site: Site, place: str) -> None:
    owner = site.client()
    site.update(owner, user="ada")
    stolen = id_of(owner)
    thief = site.client()
    found: dict[str, Any] = {}
    site.work = lambda: found.update(flask.session)
    places: dict[str, dict[str, Any]] = {
        "query": {"query_string": {"session": stolen}},
        "form": {"data": {"session": stolen}},
        "header": {"headers": {"X-Session": stolen or "", "Authorization": f"Bearer {stolen}"}},
    }
    assert thief.post("/", **places[place]).status_code == 200
    assert found == {}


FOREIGN = {
    "unknown": "A" * 43,
    "empty": "",
    "short": "A" * 42,
    "long": "A" * 44,
    "a megabyte": "A" * 2**20,
    "other characters": "é" * 43,
    "a key": "../" * 14 + "x",
    "of Flask": "eyJhIjoxfQ.aaaaaa.0000000000000000000000000000",
    "a line break": "A" * 42 + "\n",
}


@pytest.mark.promise("S2")
@pytest.mark.parametrize("cookie", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_cookie_is_no_session_and_its_id_is_never_used(site: Site, server: redis.Redis, cookie: str) -> None:
    header = {"Cookie": "session=" + cookie.encode().decode("latin-1").replace("\n", "\\012")}
    client = site.app.test_client(use_cookies=False)
    found: list[dict[str, Any]] = []
    server.config_resetstat()
    answer = site.do(client, lambda: found.append(dict(flask.session)), headers=header)
    assert found == [{}]
    # What can't be an id is not looked for.
    assert bool(_commands(server)) is (cookie == FOREIGN["unknown"])
    assert server.keys() == []
    assert "Set-Cookie" not in answer.headers
    answer = site.do(client, lambda: flask.session.update(a=1), headers=header)
    new = re.match(r"session=([^;]+)", answer.headers["Set-Cookie"])
    assert new is not None
    assert new[1] != cookie
    assert server.keys() == [f"shop:{{session}}:id:{session_store.digest(new[1])}".encode()]


@pytest.mark.promise("S2")
def test_a_cookie_with_one_character_changed_is_no_session(site: Site) -> None:
    owner = site.client()
    site.update(owner, user="ada")
    own = id_of(owner) or ""
    for position in (0, 20, 42):
        tampered = own[:position] + ("A" if own[position] != "A" else "B") + own[position + 1 :]
        assert site.read(with_id(site, tampered)) == {}
    assert site.read(owner) == {"user": "ada"}


@pytest.mark.promise("S2")
def test_reading_makes_no_record_and_sets_no_cookie(site: Site, server: redis.Redis) -> None:
    answer = site.do(site.client(), lambda: flask.session.get("a"))
    assert "Set-Cookie" not in answer.headers
    assert server.keys() == []


@pytest.mark.promise("S3")
def test_the_cookie_is_for_this_site_and_out_of_reach_of_scripts(site: Site) -> None:
    answer = site.update(site.client(), a=1)
    attributes = set(answer.headers["Set-Cookie"].split("; ")[1:])
    assert attributes == {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"}


@pytest.mark.promise("S3")
def test_in_debug_mode_the_cookie_goes_by_http_too(site: Site) -> None:
    site.app.debug = True
    assert "Secure" not in site.update(site.client(), a=1).headers["Set-Cookie"]


def test_secure_can_be_switched_off_by_load_and_samesite_be_stricter(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDISTOGO_URL", redis_url)
    site = Site(MONGOHQ_URL="mongomock://", SESSION_COOKIE_SECURE=False, SESSION_COOKIE_SAMESITE="Strict")
    cookie = site.update(site.client(), a=1).headers["Set-Cookie"]
    quorum.unload()
    assert "Secure" not in cookie
    assert "SameSite=Strict" in cookie


@pytest.mark.promise("S3")
@pytest.mark.parametrize(
    ("work", "varies"),
    [
        (lambda: None, False),
        (lambda: flask.session.get("a"), True),
        (lambda: flask.session.update(a=1), True),
        (log_out, True),
    ],
)
def test_an_answer_that_depends_on_the_session_says_so(site: Site, work: Work, varies: bool) -> None:
    assert ("Cookie" in site.do(site.client(), work).vary) is varies


# When it ends


@pytest.mark.promise("S6")
def test_a_session_expires_in_redis_when_it_is_idle(site: Site, server: redis.Redis) -> None:
    client = site.client()
    site.update(client, user="ada")
    assert 604_790 < server.ttl(key_of(client)) <= 604_800
    server.hincrby(key_of(client), "@seen", -604_800)
    assert site.read(client) == {}
    assert server.keys() == []


@pytest.mark.promise("S6")
def test_a_session_ends_at_its_greatest_age_however_it_is_used(site: Site, server: redis.Redis) -> None:
    client = site.client()
    site.do(client, log_in("ada"))
    month = 31 * 24 * 3600
    server.hincrby(key_of(client), "@made", 1000 - month)
    server.hincrby(key_of(client), "@seen", -3600)
    assert site.read(client) == {"user": "ada"}
    assert 990 < server.ttl(key_of(client)) <= 1000
    server.hincrby(key_of(client), "@made", -1001)
    assert site.read(client) == {}
    assert server.keys() == []


@pytest.mark.promise("S6")
def test_a_session_is_marked_as_seen_once_a_minute(site: Site, server: redis.Redis) -> None:
    client = site.client()
    site.update(client, a=1)
    seen = int(server.hincrby(key_of(client), "@seen", -50))
    server.expire(key_of(client), 7000)
    site.read(client)
    assert server.hget(key_of(client), "@seen") == str(seen).encode()
    assert server.ttl(key_of(client)) <= 7000
    seen = int(server.hincrby(key_of(client), "@seen", -10))
    site.read(client)
    assert int(server.hget(key_of(client), "@seen") or 0) >= seen + 60
    assert server.ttl(key_of(client)) > 7000


@pytest.mark.promise("S4")
def test_logging_in_makes_a_new_id_and_ends_the_old_one(site: Site, server: redis.Redis) -> None:
    client = site.client()
    site.update(client, cart=[1], csrf_token="known to a stranger")
    before = id_of(client)
    site.do(client, log_in("ada"))
    assert id_of(client) != before
    assert site.read(client) == {"cart": [1], "user": "ada"}
    assert site.read(with_id(site, before)) == {}
    assert len(server.keys("*:id:*")) == 1


@pytest.mark.promise("S4")
@pytest.mark.parametrize("logins", [200, pytest.param(10_000, marks=pytest.mark.soak)])
def test_ids_of_many_logins_are_unique_and_the_old_ones_dead(site: Site, server: redis.Redis, logins: int) -> None:
    client = site.client()
    site.update(client, visits=1)
    ids = [id_of(client)]
    for _ in range(logins):
        site.do(client, log_in("ada"))
        ids.append(id_of(client))
    assert len(set(ids)) == logins + 1
    alive = [one for one in ids if server.exists(f"shop:{{session}}:id:{session_store.digest(one or '')}")]
    assert alive == ids[-1:]
    assert len(server.keys()) == 2
    assert server.zcard(f"shop:{{session}}:user:{session_store.digest('ada')}") == 1
    assert site.read(client) == {"visits": 1, "user": "ada"}


@pytest.mark.promise("S4")
def test_renewing_twice_in_a_request_or_with_nothing_to_keep_is_fine(site: Site, server: redis.Redis) -> None:
    client = site.client()
    site.do(client, quorum.renew_session)
    assert id_of(client) is None
    site.do(client, lambda: (quorum.renew_session("ada"), quorum.renew_session()))
    with site.app.app_context():
        assert len(quorum.find_sessions("ada")) == 1
    site.do(client, lambda: flask.session.update(a=1))
    before = id_of(client)
    site.do(client, lambda: (flask.session.pop("a"), quorum.renew_session()))
    assert id_of(client) != before
    assert len(server.keys("*:id:*")) == 1


@pytest.mark.promise("S14")
def test_clear_ends_the_session_and_what_follows_is_in_a_new_one(site: Site, server: redis.Redis) -> None:
    client = site.client()
    site.do(client, log_in("ada"))
    before = id_of(client)
    site.do(client, lambda: (flask.session.clear(), flask.flash("You are logged out.")))
    assert id_of(client) not in (None, before)
    assert list(site.read(client)) == ["_flashes"]
    assert site.read(with_id(site, before)) == {}
    assert len(server.keys()) == 1


@pytest.mark.promise("S14")
def test_clear_alone_takes_record_and_cookie_away(site: Site, server: redis.Redis) -> None:
    client = site.client()
    site.do(client, log_in("ada"))
    site.do(client, log_out)
    assert id_of(client) is None
    assert server.keys() == []


def _while(site: Site, client: FlaskClient, slow: Work, meanwhile: Work, *, id: str | None = None) -> TestResponse:
    """Do something in a request, and in the middle of it, in another one of the same browser, something else."""
    other = with_id(site, id or id_of(client))

    def work() -> None:
        slow()
        site.do(other, meanwhile)

    return site.do(client, work)


@pytest.mark.promise("S5")
def test_two_requests_that_write_different_keys_both_keep_them(site: Site) -> None:
    client = site.client()
    site.update(client, cart=[1], gone=1, seen=1)
    _while(
        site,
        client,
        lambda: (flask.session.update(a=1), flask.session["cart"].append(2)),
        lambda: (flask.session.update(b=2), flask.session.pop("gone")),
    )
    assert site.read(client) == {"cart": [1, 2], "seen": 1, "a": 1, "b": 2}


@pytest.mark.promise("S14")
@pytest.mark.parametrize(
    "end",
    [
        log_out,
        log_in("ada"),
        lambda: quorum.end_sessions("bob"),
        lambda: [found.end() for found in quorum.find_sessions("bob")],
    ],
    ids=["logout", "login", "ended", "ended alone"],
)
@pytest.mark.parametrize(
    "slow",
    [lambda: flask.session.update(a=1), lambda: (flask.session.get("a"), quorum.renew_session("bob"))],
    ids=["write", "renew"],
)
def test_a_request_slower_than_the_sessions_end_does_not_bring_it_back(
    site: Site, server: redis.Redis, end: Work, slow: Work
) -> None:
    client = site.client()
    site.do(client, log_in("bob"))
    before = id_of(client)
    answer = _while(site, client, slow, end)
    assert "Set-Cookie" not in answer.headers
    assert site.read(with_id(site, before)) == {}
    with site.app.app_context():
        assert quorum.find_sessions("bob") == []


# A user's sessions


def test_a_users_sessions_are_found_and_one_of_them_is_this_one(site: Site) -> None:
    laptop, phone, other = site.client(), site.client(), site.client()
    for client, user in ((laptop, 7), (phone, 7), (other, "8")):
        site.do(client, log_in(user))
    found: list[sessions.StoredSession] = []
    site.do(phone, lambda: found.extend(quorum.find_sessions(7)))
    assert {session.id for session in found} == {
        session_store.digest(id_of(client) or "") for client in (laptop, phone)
    }
    assert [session.id for session in found if session.current] == [session_store.digest(id_of(phone) or "")]
    now = dt.datetime.now(dt.UTC)
    assert all(abs(now - moment) < dt.timedelta(minutes=1) for s in found for moment in (s.made_at, s.seen_at))


@pytest.mark.promise("S7")
def test_ending_a_users_sessions_ends_all_of_them_and_no_others(site: Site, server: redis.Redis) -> None:
    user = ObjectId()
    clients = [site.client() for _ in range(3)]
    for client in clients:
        site.do(client, log_in(user))
    other = site.client()
    site.do(other, log_in("somebody else"))
    with site.app.app_context():
        assert quorum.end_sessions(user) == 3
        assert quorum.end_sessions(user) == 0
        assert quorum.find_sessions(user) == []
    assert [site.read(client) for client in clients] == [{}] * 3
    assert site.read(other) == {"user": "somebody else"}
    assert len(server.keys()) == 2


@pytest.mark.promise("S7")
def test_one_session_of_a_user_can_be_ended_alone(site: Site) -> None:
    lost, kept = site.client(), site.client()
    site.do(lost, log_in("ada"))
    site.do(kept, log_in("ada"))
    site.do(kept, lambda: [session.end() for session in quorum.find_sessions("ada") if not session.current])
    assert site.read(lost) == {}
    assert site.read(kept) == {"user": "ada"}


@pytest.mark.promise("S7")
def test_a_session_that_another_user_logs_in_with_is_no_longer_the_first_ones(site: Site) -> None:
    client = site.client()
    site.do(client, log_in("ada"))
    site.do(client, log_in("bob"))
    with site.app.app_context():
        assert quorum.end_sessions("ada") == 0
        assert len(quorum.find_sessions("bob")) == 1


@pytest.mark.promise("S7")
def test_renewing_without_a_user_leaves_the_session_with_its_user(site: Site) -> None:
    client = site.client()
    site.do(client, log_in("ada"))
    site.do(client, quorum.renew_session)
    with site.app.app_context():
        assert quorum.end_sessions("ada") == 1
    assert site.read(client) == {}


def test_sessions_that_expired_are_not_found(site: Site, server: redis.Redis) -> None:
    client = site.client()
    site.do(client, log_in("ada"))
    server.delete(key_of(client))
    with site.app.app_context():
        assert quorum.find_sessions("ada") == []
    assert server.keys() == []


@pytest.mark.parametrize("user", [None, object(), 1.5, ["ada"]])
def test_a_user_is_an_id_or_a_name(site: Site, user: Any) -> None:
    with site.app.app_context(), pytest.raises(TypeError, match="is an id or a name"):
        quorum.end_sessions(user)


# What is stored


@pytest.mark.promise("S10")
@pytest.mark.parametrize(
    "corrupt",
    [
        lambda server, key: server.hset(key, "=user", b"{"),
        lambda server, key: server.hset(key, "=user", pickle.dumps({"user": "root"})),
        lambda server, key: server.hset(key, b"=\xff", b"1"),
        lambda server, key: server.hset(key, "@made", "yesterday"),
        lambda server, key: server.hdel(key, "@seen"),
        lambda server, key: (server.delete(key), server.set(key, b"\x80\x04K\x01.")),
        lambda server, key: (server.delete(key), server.rpush(key, 1)),
    ],
    ids=["JSON", "pickle", "name", "time", "no time", "string", "list"],
)
def test_a_corrupt_record_is_no_session_and_one_warning(
    site: Site, server: redis.Redis, caplog: pytest.LogCaptureFixture, corrupt: Callable[[redis.Redis, str], None]
) -> None:
    client = site.client()
    site.update(client, user="ada")
    before, key = id_of(client), key_of(client)
    corrupt(server, key)
    assert site.read(client) == {}
    assert site.read(client) == {}
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 1
    assert "is taken for none" in told[0].getMessage()
    assert before not in caplog.text
    site.update(client, user="bob")
    assert id_of(client) != before
    assert site.read(client) == {"user": "bob"}


@pytest.mark.promise("S10")
def test_what_is_pickled_is_never_run(site: Site, server: redis.Redis) -> None:
    ran: list[int] = []

    class Evil:
        def __reduce__(self) -> Any:
            return ran.append, (1,)

    client = site.client()
    site.update(client, user="ada")
    for text in (pickle.dumps(Evil(), 0), pickle.dumps(Evil())):
        server.hset(key_of(client), "=user", text)
        assert site.read(client) == {}
    assert ran == []


@pytest.mark.promise("S12")
def test_two_instances_share_no_session(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDISTOGO_URL", redis_url)
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    sites = []
    for instance in ("blue", "green"):
        monkeypatch.setenv("INSTANCE", instance)
        sites.append(Site())
    blue, green = sites
    client = blue.client()
    blue.do(client, log_in("ada"))
    cookie = client.get_cookie("session_blue")
    assert cookie is not None
    stranger = green.client()
    stranger.set_cookie("session_green", cookie.value)
    assert green.read(stranger) == {}
    with green.app.app_context():
        assert quorum.end_sessions("ada") == 0
    with redis.Redis.from_url(redis_url) as server:
        assert {key.split(b"{")[0] for key in server.keys("*")} == {b"shop:blue:"}
    quorum.unload()
    assert blue.app.session_interface is not green.app.session_interface


# What it costs


def _commands(server: redis.Redis) -> dict[str, int]:
    return {name: facts["calls"] for name, facts in server.info("commandstats").items() if "eval" in name}


@pytest.mark.promise("S13")
@pytest.mark.parametrize(
    ("work", "trips"),
    [
        (lambda: None, 0),
        (lambda: flask.session.get("a"), 1),
        (lambda: flask.session["cart"], 1),
        (lambda: flask.session.update(a=1), 1),
        (lambda: flask.session.update(a=2, b=3), 2),
        (lambda: flask.session["cart"].append(1), 2),
        (log_in("ada"), 2),
        (lambda: (flask.session.get("a"), flask.session.clear(), flask.flash("Bye")), 2),
        (log_out, 1),
    ],
    ids=["untouched", "read", "read a list", "same", "written", "appended", "login", "logout", "clear"],
)
def test_a_session_costs_a_round_trip_to_read_and_one_to_write(
    site: Site, server: redis.Redis, work: Work, trips: int
) -> None:
    client = site.client()
    site.update(client, a=1, cart=[])
    # A server that was started anew knows no script.
    site.do(client, log_in("bob"))
    site.update(client, a=3)
    site.update(client, a=1)
    with site.app.app_context():
        sessions.store(site.app).end("unknown")
    server.config_resetstat()
    site.do(client, work)
    assert sum(_commands(server).values()) == trips


# Flask's own sessions


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[flask.Flask]:
    yield quorum.load(name="shop", MONGOHQ_URL="mongomock://", secret_key="of the tests")
    quorum.unload()


def test_in_a_session_of_flask_renewing_drops_the_token_and_keeps_the_rest(plain: flask.Flask) -> None:
    with plain.test_request_context():
        flask.session.update(csrf_token="known to a stranger", cart=[1])
        flask.g.csrf_token = "signed"
        quorum.renew_session(user="ada")
        assert dict(flask.session) == {"cart": [1]}
        assert "csrf_token" not in flask.g


def test_sessions_of_flask_cannot_be_found_or_ended(plain: flask.Flask) -> None:
    for call in (quorum.find_sessions, quorum.end_sessions):
        with plain.test_request_context(), pytest.raises(quorum.ConfigurationError, match="redis_session=True"):
            call("ada")


def test_without_a_url_load_says_what_is_missing() -> None:
    with pytest.raises(quorum.ConfigurationError, match="REDISTOGO_URL is not set"):
        quorum.load(name="shop", redis_session=True, MONGOHQ_URL="mongomock://")


def test_an_app_that_is_loaded_again_without_them_has_the_sessions_of_flask(site: Site) -> None:
    quorum.unload()
    quorum.load(app=site.app, secret_key="of the tests")
    client = site.client()
    site.update(client, a=1)
    assert (id_of(client) or "").count(".") == 2


def test_an_app_that_was_unloaded_reads_no_session(site: Site) -> None:
    client = site.client()
    site.update(client, a=1)
    quorum.unload()
    site.app.config["PROPAGATE_EXCEPTIONS"] = True
    site.work = lambda: flask.session.get("a")
    with pytest.raises(quorum.ConfigurationError, match="was unloaded"):
        client.get("/")


def test_the_session_of_a_test_client_works_as_in_flask(site: Site) -> None:
    client = site.client()
    with client.session_transaction() as session:
        session["user"] = "ada"
    assert site.read(client) == {"user": "ada"}


# Any sequence of requests


class Sessions(machine.RuleBasedStateMachine):
    """A browser and a dict that should be what its session is; the ids that it had are dead."""

    site: Site

    def __init__(self) -> None:
        super().__init__()
        self.client = self.site.client()
        self.expected: dict[str, Any] = {}
        self.user: str | None = None
        self.old: set[str] = set()

    def _do(self, work: Work) -> None:
        before = id_of(self.client)
        self.site.do(self.client, work)
        if before is not None and id_of(self.client) != before:
            self.old.add(before)

    @machine.rule(key=st.sampled_from("abc"), value=VALUES)
    def set(self, key: str, value: Any) -> None:
        self._do(lambda: flask.session.update({key: value}))
        self.expected[key] = value

    @machine.rule(key=st.sampled_from("abc"))
    def remove(self, key: str) -> None:
        self._do(lambda: flask.session.pop(key, None))
        self.expected.pop(key, None)

    @machine.rule(key=st.sampled_from("abc"), value=VALUES)
    def append(self, key: str, value: Any) -> None:
        if isinstance(self.expected.get(key), list):
            self._do(lambda: flask.session[key].append(value))
            self.expected[key] = [*self.expected[key], value]

    @machine.rule(value=VALUES)
    def set_from_two_requests(self, value: Any) -> None:
        if self.expected:
            _while(self.site, self.client, lambda: flask.session.update(x=value), lambda: flask.session.update(y=value))
            self.expected.update(x=value, y=value)

    @machine.rule(user=st.none() | st.sampled_from(["ada", "bob"]))
    def renew(self, user: str | None) -> None:
        self._do(lambda: quorum.renew_session(user))
        self.user = user or self.user

    @machine.rule(value=st.none() | VALUES)
    def clear(self, value: Any) -> None:
        self._do(lambda: (flask.session.clear(), value and flask.session.update(v=value)))
        self.expected = {"v": value} if value else {}
        self.user = None

    @machine.rule()
    def end(self) -> None:
        with self.site.app.app_context():
            quorum.end_sessions("ada")
        if self.user == "ada":
            self.expected, self.user = {}, None

    @machine.invariant()
    def the_session_is_the_dict(self) -> None:
        assert self.site.read(self.client) == self.expected

    @machine.invariant()
    def old_ids_are_dead(self) -> None:
        for old in self.old:
            assert self.site.read(with_id(self.site, old)) == {}


@pytest.mark.promise("S5")
def test_a_session_is_a_dict_in_any_sequence_of_requests(site: Site) -> None:
    Sessions.site = site
    machine.run_state_machine_as_test(Sessions, settings=hypothesis.settings(max_examples=60, stateful_step_count=15))
