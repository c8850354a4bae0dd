"""Models behind an app: bound to its database, and spoken over HTTP."""

import sys
import types
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import flask
import pytest

import quorum
from quorum.web.fastjson import OrjsonProvider
from quorum.web.json import JSONProvider


class Author(quorum.Model):
    name: str = quorum.field(max_length=8, unique=True)
    phone: str = quorum.field(private=True, default="555")


class Line(quorum.EmbeddedModel):
    text: str
    secret: str = quorum.field(private=True, default="hidden")


class Post(quorum.Model, quorum.Timestamped):
    title: str = quorum.field(max_length=8, index=True)
    price: Decimal = Decimal("1.10")
    tags: set[str] = set()
    lines: list[Line] = []
    author: Author | None = quorum.reference(default=None)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, any_url: str) -> Iterator[flask.Flask]:
    monkeypatch.setenv("MONGOHQ_URL", any_url)
    yield quorum.load(name="shop", models=[Author, Post])
    quorum.unload()


def test_load_makes_the_indexes(app: flask.Flask) -> None:
    names = [index["key"] for index in quorum.get_mongo_db()[Author.collection.name].list_indexes()]
    assert {"name": 1} in [dict(key) for key in names]


def test_models_can_be_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    module = types.ModuleType("shop_models")
    vars(module).update(Author=Author, Post=Post, Line=Line, Model=quorum.Model, Any=Any)
    context = quorum.load(name="shop", models=module).extensions["quorum"]
    quorum.unload()
    assert set(context.models) == {Author, Post}


def test_models_can_be_a_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "stock"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "items.py").write_text("import quorum\nclass Item(quorum.Model):\n    name: str\n")
    import stock  # type: ignore[import-not-found]

    context = quorum.load(name="shop", models=stock).extensions["quorum"]
    quorum.unload()
    assert [model.__name__ for model in context.models] == ["Item"]
    for name in ("stock", "stock.items"):
        del sys.modules[name]


@pytest.mark.parametrize("models", ["models", 7, [int], [quorum.Model], [Line], [Post]])
def test_models_that_make_no_sense_are_refused(monkeypatch: pytest.MonkeyPatch, models: Any) -> None:
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    app = flask.Flask("shop")
    with pytest.raises(quorum.ConfigurationError):
        quorum.load(app=app, models=models)
    assert quorum.APP is None
    assert app.extensions == {}


def test_two_apps_keep_the_data_of_their_models_apart(monkeypatch: pytest.MonkeyPatch, mongo_url: str) -> None:
    server, _, name = mongo_url.rpartition("/")
    monkeypatch.setenv("MONGOHQ_URL", server)
    apps = [
        quorum.load(flask.Flask(part), mongo_database=f"{name}_{part}", models=[Author, Post]) for part in ("a", "b")
    ]
    for number, app in enumerate(apps):
        with app.app_context():
            for index in range(number + 1):
                Author(name=f"n{index}").save()
    counts = []
    for app in apps:
        with app.app_context():
            counts.append(Author.count())
            quorum.get_mongo().drop_database(quorum.get_mongo_db().name)
    quorum.unload()
    assert counts == [1, 2]


@pytest.mark.parametrize("kind", [JSONProvider, OrjsonProvider])
def test_models_and_queries_are_written_as_they_dump(app: flask.Flask, kind: type[JSONProvider]) -> None:
    app.json = kind(app)
    author = Author(name="Ana")
    author.save()
    post = Post(title="One", tags={"b", "a"}, lines=[Line(text="x")], author=author)
    post.save()
    with app.app_context():
        written = flask.jsonify(post=post, posts=Post.find(), none=Post.find(title="Two"), line=post.lines[0]).json
    assert written["post"] == post.dump()
    assert written["posts"] == [post.dump()]
    assert written["none"] == []
    assert written["line"] == {"text": "x"}
    assert written["post"]["tags"] == ["a", "b"]
    assert "555" not in str(written)


def test_a_page_is_written_with_its_place(app: flask.Flask) -> None:
    for number in range(3):
        Author(name=f"n{number}").save()
    page = Author.find().sort("name").paginate(2, 2)
    with app.app_context():
        written = flask.jsonify(page).json
    assert [item["name"] for item in written["items"]] == ["n2"]


def test_views_answer_with_the_status_of_the_models_error(app: flask.Flask) -> None:
    @app.post("/authors")
    def create() -> Any:
        author = Author.new(flask.request.get_json())
        author.save()
        return author.dump(), 201

    @app.route("/authors/<object_id:id>", methods=["GET", "DELETE"])
    def author(id: Any) -> Any:
        found = Author.get(id)
        if flask.request.method == "DELETE":
            Author.collection.delete_one({"_id": id})
            found.name = "other"
            found.save()
        return flask.jsonify(found)

    client = app.test_client()
    made = client.post("/authors", json={"name": "Ana"})
    assert made.status_code == 201
    path = f"/authors/{made.json['id']}"
    assert client.get(path).json == made.json
    assert client.post("/authors", json={"name": "Ana"}).json["error"]["messages"].keys() == {"name"}
    assert client.post("/authors", json={"name": "x" * 9}).status_code == 422
    assert client.post("/authors", json={"name": {"$gt": ""}}).status_code == 422
    assert client.post("/authors", json={"name": "Bea", "phone": "1"}).status_code == 422
    assert client.post("/authors", json=["name"]).status_code == 422
    assert client.delete(path).status_code == 409
    assert client.get(path).status_code == 404
    assert client.get("/authors/malformed").status_code == 404


def test_a_url_is_made_of_a_saved_document_only(app: flask.Flask) -> None:
    app.add_url_rule("/<object_id:id>", "show", lambda **given: repr(given))
    author = Author(name="Ana")
    author.save()
    with app.test_request_context():
        assert flask.url_for("show", id=author) == f"/{author.id}"
