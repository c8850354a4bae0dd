"""The `object_id` converter."""

from types import SimpleNamespace
from typing import Any

import flask
import pytest
from bson import ObjectId

from quorum.web import converters

ID = ObjectId("65a1b2c3d4e5f60718293a4b")


@pytest.fixture
def app() -> flask.Flask:
    app = flask.Flask("paths")
    converters.init_app(app)
    app.add_url_rule("/<object_id:id>", "show", lambda **given: repr(given))
    app.add_url_rule("/<object_id:id>/update", "update", lambda **given: repr(given))
    return app


@pytest.mark.parametrize("path", [f"/{ID}", f"/{str(ID).upper()}"])
def test_a_view_gets_an_object_id(app: flask.Flask, path: str) -> None:
    assert app.test_client().get(path).text == repr({"id": ID})


@pytest.mark.parametrize(
    "id", ["x", "", "1", f"{ID}0", str(ID)[:-1], f"{ID}%0A", f"%20{ID}", "g" * 24, "\u0661" * 24, "%00" * 24, f"{ID}/x"]
)
def test_a_malformed_id_is_a_404(app: flask.Flask, id: str) -> None:
    assert app.test_client().get(f"/{id}").status_code == 404
    assert app.test_client().get(f"/{id}/update").status_code == 404


@pytest.mark.parametrize("value", [ID, str(ID), SimpleNamespace(id=ID)])
def test_a_url_is_made_of_an_id_its_text_or_a_document(app: flask.Flask, value: Any) -> None:
    with app.test_request_context():
        assert flask.url_for("update", id=value) == f"/{ID}/update"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "got None"),
        ("x", "got 'x'"),
        (b"123456789012", "got a bytes"),
        (7, "got a int"),
        (SimpleNamespace(id=None), "whose id is None"),
    ],
)
def test_a_url_of_anything_else_is_an_error_that_says_what_it_got(app: flask.Flask, value: Any, told: str) -> None:
    with app.test_request_context(), pytest.raises(ValueError, match=told):
        converters.ObjectIdConverter(app.url_map).to_url(value)
