"""Variables: where their values come from, what they may be, and what an error shows of them."""

from __future__ import annotations

import traceback

import pytest

from quorum import config, errors

CANARY = "c4n4ry"


@pytest.mark.parametrize("name", ["MONGOHQ_URL", "MONGO_URL", "MONGODB_URI"])
def test_the_database_url_is_read_under_each_of_its_names(monkeypatch, name):
    monkeypatch.setenv(name, "mongodb://db.example.com/blog")
    settings = config.Settings.load()
    assert settings.get("MONGOHQ_URL") == "mongodb://db.example.com/blog"
    assert settings.source("MONGOHQ_URL") == name
    assert config.conf("MONGOHQ_URL") == "mongodb://db.example.com/blog"


def test_the_first_name_wins_over_the_others(monkeypatch):
    monkeypatch.setenv("MONGODB_URI", "mongodb://third")
    monkeypatch.setenv("MONGO_URL", "mongodb://second")
    monkeypatch.setenv("MONGOHQ_URL", "mongodb://first")
    assert config.Settings.load().get("MONGOHQ_URL") == "mongodb://first"


def test_what_is_not_set_has_its_default():
    settings = config.Settings.load()
    values = {name: settings.get(name) for name in config.VARIABLES}
    assert values == {"MONGOHQ_URL": None, "HOST": "127.0.0.1", "PORT": 5000, "SECRET_KEY": None, "NAME": None}
    assert settings.source("PORT") == "the default"


def test_an_empty_value_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("PORT", "")
    assert config.Settings.load().get("PORT") == 5000
    assert config.conf("PORT", 8080) == 8080


@pytest.mark.parametrize("empty", ["", b""])
def test_an_empty_default_counts_as_not_set(empty):
    settings = config.Settings.load({"SECRET_KEY": empty})
    assert (settings.get("SECRET_KEY"), settings.source("SECRET_KEY")) == (None, "the default")


def test_the_environment_wins_over_what_load_was_given(monkeypatch):
    monkeypatch.setenv("PORT", "7000")
    settings = config.Settings.load({"PORT": 8000, "HOST": "0.0.0.0", "SECRET_KEY": b"bytes"})
    assert (settings.get("PORT"), settings.get("HOST"), settings.get("SECRET_KEY")) == (7000, "0.0.0.0", b"bytes")


def test_the_app_is_named_by_the_variable_else_by_load_else_quorum(monkeypatch):
    assert config.Settings.load().name == "quorum"
    assert config.Settings.load(name="blog").name == "blog"
    monkeypatch.setenv("NAME", "shop")
    assert config.Settings.load(name="blog").name == "shop"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "\u0661\u0660"),
        ("PORT", "1_0"),
        ("PORT", "8e3"),
        ("MONGOHQ_URL", CANARY),
        ("MONGOHQ_URL", f"http://user:{CANARY}@host"),
        ("MONGO_URL", f"postgres://user:{CANARY}@host"),
        ("MONGOHQ_URL", f"embedded://{CANARY}/relative"),
        ("MONGOHQ_URL", "embedded:///"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_variable_and_hides_the_value(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(errors.ConfigurationError, match=f"The value of {name} ") as caught:
        config.Settings.load()
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_all_problems_are_told_at_once(monkeypatch):
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("MONGO_URL", "http://host")
    with pytest.raises(errors.ConfigurationError) as caught:
        config.Settings.load({"COLOUR": "red", "HOST": 7})
    assert len(caught.value.problems) == 4
    assert all(word in str(caught.value) for word in ("PORT", "MONGO_URL", "'COLOUR'", "HOST is a int"))


def test_a_secret_is_in_no_repr():
    settings = config.Settings.load({"SECRET_KEY": CANARY, "MONGOHQ_URL": f"mongodb://u:{CANARY}@h"})
    assert CANARY not in repr(settings)
    assert "SECRET_KEY=***" in repr(settings)


@pytest.mark.parametrize("text", ["1", "true", "yes", "on", "TRUE", " On "])
def test_a_boolean_is_true(monkeypatch, text):
    monkeypatch.setenv("DEBUG_SQL", text)
    assert config.conf("DEBUG_SQL", cast=bool) is True


@pytest.mark.parametrize("text", ["0", "false", "no", "off", "False"])
def test_a_boolean_is_false(monkeypatch, text):
    monkeypatch.setenv("DEBUG_SQL", text)
    assert config.conf("DEBUG_SQL", True, cast=bool) is False


@pytest.mark.parametrize("text", ["2", "y", "t", "enabled", "-", "01"])
def test_anything_else_is_no_boolean(monkeypatch, text):
    monkeypatch.setenv("DEBUG_SQL", text)
    with pytest.raises(errors.ConfigurationError, match="DEBUG_SQL is not a boolean"):
        config.conf("DEBUG_SQL", cast=bool)


def test_conf_reads_any_name_with_any_cast(monkeypatch):
    monkeypatch.setenv("RATE", "0.5")
    assert config.conf("RATE") == "0.5"
    assert config.conf("RATE", 1.0, float) == 0.5
    assert config.conf("RATE_2", 1.0, float) == 1.0
    assert config.conf("RATE_2") is None


def test_conf_gives_our_variables_their_type(monkeypatch):
    monkeypatch.setenv("PORT", "8080")
    assert config.conf("PORT") == 8080
    assert config.conf("PORT", cast=str) == "8080"


def test_a_failed_cast_does_not_show_the_text(monkeypatch):
    monkeypatch.setenv("RATE", CANARY)
    with pytest.raises(errors.ConfigurationError, match="The value of RATE can't be read as float") as caught:
        config.conf("RATE", cast=float)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_the_scheme_is_read_in_any_case(monkeypatch):
    monkeypatch.setenv("MONGOHQ_URL", " MongoDB://Host/Db ")
    assert config.Settings.load().get("MONGOHQ_URL") == "mongodb://Host/Db"
