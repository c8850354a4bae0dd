"""A template is escaped by its name without `.tpl`, exactly as Flask escapes it."""

from pathlib import Path
from typing import Any

import flask
import jinja2
import pytest

from quorum.web import templates

NAMES = ["html", "htm", "xml", "xhtml", "svg", "txt", "HTML", "html.txt", "js", ""]
TEXT = "{{ text }}"
HOSTILE = "<script>"


def make_app(folder: Path, **options: Any) -> flask.Flask:
    app = flask.Flask("page", template_folder=str(folder))
    app.jinja_options = {**app.jinja_options, **options}
    return app


@pytest.mark.parametrize("name", NAMES)
def test_a_template_with_tpl_is_escaped_as_the_one_without(tmp_path: Path, name: str) -> None:
    app = make_app(tmp_path)
    templates.init_app(app)
    for file in (f"page.{name}", f"page.{name}.tpl"):
        (tmp_path / file).write_text(TEXT)
    with app.app_context():
        plain = flask.render_template(f"page.{name}", text=HOSTILE)
        assert flask.render_template(f"page.{name}.tpl", text=HOSTILE) == plain
    assert (plain == "&lt;script&gt;") == (name in {"html", "htm", "xml", "xhtml", "svg"})


def test_a_template_given_as_a_string_is_escaped(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    templates.init_app(app)
    with app.app_context():
        assert flask.render_template_string(TEXT, text=HOSTILE) == "&lt;script&gt;"


def test_what_a_template_includes_and_extends_is_judged_by_its_own_name(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    templates.init_app(app)
    (tmp_path / "base.html.tpl").write_text("{% block body %}{% endblock %}{% include 'part.txt.tpl' %}")
    (tmp_path / "part.txt.tpl").write_text(TEXT)
    (tmp_path / "page.html.tpl").write_text("{% extends 'base.html.tpl' %}{% block body %}{{ text }}{% endblock %}")
    with app.app_context():
        assert flask.render_template("page.html.tpl", text=HOSTILE) == "&lt;script&gt;<script>"


def test_an_environment_that_is_there_already_escapes_too(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    (tmp_path / "page.html.tpl").write_text(TEXT)
    app.jinja_env.filters["loud"] = str.upper
    templates.init_app(app)
    with app.app_context():
        assert flask.render_template("page.html.tpl", text=HOSTILE) == "&lt;script&gt;"


def test_the_options_of_an_environment_can_be_set_afterwards(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    templates.init_app(app)
    app.jinja_options["undefined"] = jinja2.StrictUndefined
    with app.app_context(), pytest.raises(jinja2.UndefinedError):
        flask.render_template_string("{{ missing }}")


def test_an_app_that_escapes_by_its_own_rule_goes_on_doing_so(tmp_path: Path) -> None:
    app = make_app(tmp_path, autoescape=lambda name: name == "page.txt")
    templates.init_app(app)
    (tmp_path / "page.txt.tpl").write_text(TEXT)
    (tmp_path / "page.html.tpl").write_text(TEXT)
    with app.app_context():
        assert flask.render_template("page.txt.tpl", text=HOSTILE) == "&lt;script&gt;"
        assert flask.render_template("page.html.tpl", text=HOSTILE) == HOSTILE


def test_an_app_that_escapes_nothing_goes_on_doing_so(tmp_path: Path) -> None:
    app = make_app(tmp_path, autoescape=False)
    templates.init_app(app)
    (tmp_path / "page.html.tpl").write_text(TEXT)
    with app.app_context():
        assert flask.render_template("page.html.tpl", text=HOSTILE) == HOSTILE


def test_other_apps_are_not_affected(tmp_path: Path) -> None:
    templates.init_app(make_app(tmp_path))
    assert "autoescape" not in flask.Flask("other").jinja_options
