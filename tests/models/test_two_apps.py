"""Two apps in one process: each has its own database, and a model's documents are those of the app that holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import pytest

import quorum
from quorum import runtime
from quorum.errors import ConfigurationError

pytestmark = pytest.mark.promise("D17")


class City(quorum.Model):
    name: str = quorum.field(unique=True)
    number: int = quorum.field(increment=True)
    twin: City | None = quorum.reference(default=None)


class River(quorum.Model):
    name: str


@pytest.fixture
def apps(any_url: str) -> Iterator[tuple[flask.Flask, flask.Flask]]:
    """Two apps; the second one is loaded last."""
    kind, _, name = any_url.rpartition("/")
    yield tuple(  # type: ignore[misc]
        quorum.load(name=app, models=[City], MONGOHQ_URL=f"{kind}/{name}_{app}") for app in ("one", "two")
    )
    for database in ("one", "two"):
        if any_url.startswith("mongodb:"):
            quorum.get_mongo().drop_database(f"{name}_{database}")
    quorum.unload()


def names() -> list[str]:
    return sorted(city.name for city in City.find())


def test_the_app_of_the_request_has_its_own_documents(apps: tuple[flask.Flask, flask.Flask]) -> None:
    one, two = apps
    for app, name in ((one, "Porto"), (two, "Faro"), (one, "Braga")):
        with app.app_context():
            City(name=name).save()
    with one.app_context():
        assert names() == ["Braga", "Porto"]
        assert City.count() == len(list(City.collection.find())) == 2
    with two.app_context():
        assert names() == ["Faro"]


def test_outside_of_a_request_the_app_loaded_last_holds(apps: tuple[flask.Flask, flask.Flask]) -> None:
    one, two = apps
    with two.app_context():
        City(name="Faro").save()
    assert quorum.APP is two
    assert names() == ["Faro"]
    with one.app_context():
        assert names() == []
    quorum.unload(two)
    assert quorum.APP is one
    assert names() == []
    City(name="Porto").save()
    assert names() == ["Porto"]


def test_a_query_that_was_read_in_one_app_is_read_anew_in_another(apps: tuple[flask.Flask, flask.Flask]) -> None:
    shared = City.find().sort("name")
    for app, name in zip(apps, ("Porto", "Faro"), strict=True):
        with app.app_context():
            City(name=name).save()
            assert [city.name for city in shared] == [name]
            assert (len(shared), shared.exists(), shared[0].name) == (1, True, name)


def test_a_query_that_two_apps_read_at_once_gives_each_its_own(
    apps: tuple[flask.Flask, flask.Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = apps
    shared = City.find()
    current = runtime.current
    elsewhere: list[str] | None = None

    def switch() -> Any:
        nonlocal elsewhere
        if elsewhere is None and "_found" in vars(shared):
            elsewhere = []
            with two.app_context():
                elsewhere.extend(city.name for city in shared)
        return current()

    monkeypatch.setattr(runtime, "current", switch)
    with one.app_context():
        City(name="Porto").save()
        assert [city.name for city in shared] == ["Porto"]
        assert len(shared) == 1
    assert elsewhere == []


def test_the_inner_one_of_two_contexts_holds(apps: tuple[flask.Flask, flask.Flask]) -> None:
    one, two = apps
    with one.app_context():
        City(name="Porto").save()
        with two.app_context():
            assert names() == []
        assert names() == ["Porto"]


def test_unique_values_counters_and_indexes_are_each_apps_own(apps: tuple[flask.Flask, flask.Flask]) -> None:
    for app in apps:
        with app.app_context():
            assert City(name="Porto").save().number == 1
            assert "name_1" in City.collection.index_information()
            with pytest.raises(quorum.ValidationError):
                City(name="Porto").save()


def test_a_document_is_saved_to_the_app_that_holds_when_it_is_saved(apps: tuple[flask.Flask, flask.Flask]) -> None:
    one, two = apps
    city = City(name="Porto")
    with one.app_context():
        city.save()
        city.name = "Faro"
    with two.app_context(), pytest.raises(quorum.ConflictError):
        city.save()
    with one.app_context():
        city.save()
        assert names() == ["Faro"]
    with two.app_context():
        assert names() == []


def test_requests_to_two_apps_at_once_keep_their_documents_apart(apps: tuple[flask.Flask, flask.Flask]) -> None:
    def write(app: flask.Flask, number: int) -> None:
        barrier.wait(60)
        for step in range(10):
            with app.app_context():
                city = City(name=f"{app.name} {number} {step}").save()
                assert City.get(city.id).name == city.name

    barrier = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(write, apps[number % 2], number) for number in range(8)]
        assert [call.result(60) for call in calls] == [None] * 8
    for app in apps:
        with app.app_context():
            assert len(names()) == 40
            assert {name.split()[0] for name in names()} == {app.name}


def test_references_are_loaded_from_the_app_that_holds(apps: tuple[flask.Flask, flask.Flask]) -> None:
    for app in apps:
        with app.app_context():
            faro = City(name=f"Faro of {app.name}").save()
            City(name="Porto", twin=faro).save()
    for app in apps:
        with app.app_context():
            twin = City.get(name="Porto").twin
            assert twin is not None
            assert twin.name == f"Faro of {app.name}"


USES: dict[str, Any] = {
    "find": lambda: list(River.find()),
    "get": lambda: River.get("5" * 24),
    "count": River.count,
    "save": lambda: River(name="Douro").save(),
    "query delete": lambda: River.find().delete(),
    "collection": lambda: River.collection,
    "indexes": River.ensure_indexes,
}


@pytest.mark.parametrize("use", USES)
def test_a_model_that_is_not_among_the_apps_is_an_error_that_says_where_to_add_it(
    apps: tuple[flask.Flask, flask.Flask], use: str
) -> None:
    for app in apps:
        with (
            app.app_context(),
            pytest.raises(ConfigurationError, match=r"River is not among .*load\(models=") as caught,
        ):
            USES[use]()
        assert len(caught.value.problems) == 1


@pytest.mark.parametrize("use", USES)
def test_nothing_loaded_is_an_error_that_says_what_to_call(use: str) -> None:
    with pytest.raises(ConfigurationError, match=r"No app is loaded in this process. Call quorum\.load\("):
        USES[use]()


def test_a_model_can_be_made_and_checked_with_nothing_loaded() -> None:
    river = River(name="Douro")
    river.validate()
    assert river.dump()["name"] == "Douro"


def test_a_document_that_could_not_be_saved_for_want_of_an_app_is_saved_later(mock_url: str) -> None:
    river = River(name="Douro")
    with pytest.raises(ConfigurationError):
        river.save()
    quorum.load(name="rivers", models=[River], MONGOHQ_URL=mock_url)
    river.save()
    assert [found.name for found in River.find()] == ["Douro"]
    quorum.unload()


def test_an_app_that_was_unloaded_is_an_error_in_its_context(mock_url: str) -> None:
    app = quorum.load(name="rivers", models=[River], MONGOHQ_URL=mock_url)
    with app.app_context():
        quorum.unload()
        with pytest.raises(ConfigurationError, match="was unloaded"):
            River.count()
