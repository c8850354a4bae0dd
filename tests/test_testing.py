"""The fixtures for the tests of an application, in a pytest of their own."""

import pytest

import quorum

pytest_plugins = ["pytester"]

CONFTEST = """
import os
import pytest
import quorum
pytest_plugins = ["quorum.testing"]
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("MONGO_URL", "mongodb://127.0.0.1:1/real")
    pytester.makeconftest(CONFTEST)
    return pytester


def test_an_app_is_loaded_in_memory_for_one_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import quorum

        def check(quorum_load, name):
            app = quorum_load(mongo_database=name, MAX_CONTENT_LENGTH=5)
            assert quorum.APP is app and app.testing and app.import_name == __name__
            assert app.config["MAX_CONTENT_LENGTH"] == 5
            assert quorum.get_mongo_db().name == name
            assert quorum.get_mongo_db().things.count_documents({}) == 0
            quorum.get_mongo_db().things.insert_one({})

        def test_first(quorum_load):
            check(quorum_load, "one")

        def test_second(quorum_load):
            check(quorum_load, "one")
            check(quorum_load, "two")

        def test_nothing_is_left():
            assert quorum.APP is None
        """
    )
    project.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=3)


def test_an_app_of_a_factory_is_in_memory_and_unloaded(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import flask
        import pytest
        import quorum

        def create_app():
            app = flask.Flask("shop")
            app.add_url_rule("/", view_func=lambda: quorum.get_mongo_db().name)
            return quorum.load(app=app)

        @pytest.fixture
        def client(quorum_mock):
            return create_app().test_client()

        def test_index(client):
            assert client.get("/").text == "shop"

        def test_nothing_is_left():
            assert quorum.APP is None
        """
    )
    project.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_loaded_loads_for_a_block_and_leaves_other_apps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGO_URL", "mongodb://127.0.0.1:1/real")
    with quorum.testing.loaded(name="outer") as outer:
        with quorum.testing.loaded(name="inner") as inner:
            assert quorum.APP is inner
            assert quorum.get_mongo_db().list_collection_names() == []
        assert quorum.APP is outer
    assert quorum.APP is None


def test_an_app_is_loaded_on_the_database_that_it_is_given(mongo_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGOHQ_URL", "mongodb://127.0.0.1:1/real")
    with quorum.testing.loaded(MONGOHQ_URL=mongo_url) as app:
        assert app.config["MONGOHQ_URL"] == mongo_url
        assert quorum.get_mongo_db().name == mongo_url.rpartition("/")[2]
        quorum.get_mongo_db().things.insert_one({})
    with quorum.testing.loaded(MONGOHQ_URL=mongo_url):
        assert quorum.get_mongo_db().things.count_documents({}) == 1


def test_a_test_loads_an_app_on_the_database_that_it_gives(project: pytest.Pytester, mongo_url: str) -> None:
    project.makepyfile(
        f"""
        import quorum

        def test_url(quorum_load):
            quorum_load(MONGOHQ_URL={mongo_url!r})
            assert quorum.get_mongo_db().name == {mongo_url.rpartition("/")[2]!r}
            quorum_load(name="other")
            assert quorum.get_mongo_db().name == "other"
        """
    )
    project.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
