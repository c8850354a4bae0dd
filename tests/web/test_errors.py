"""What a client sees of an error."""

import logging
from collections.abc import Callable
from typing import Any

import flask
import pymongo.errors
import pytest
from werkzeug.exceptions import HTTPException, NotFound, UnprocessableEntity

import quorum
from quorum import errors, mongodb
from quorum.web import errors as web_errors

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PROGRAM = {"Accept": "application/json"}

INVALID = errors.ValidationError({"title": ["Longer than <b>."], "tags": {0: ["Not a string."]}}, model="Post")
SECRET = "10.9.8.7"

STATUSES = [
    (errors.NotFoundError(f"No Post has phone={SECRET}.", model="Post"), 404),
    (INVALID, 422),
    (errors.ConflictError("Post was changed.", model="Post", id=SECRET), 409),
    (errors.OperationalError(f"No answer from {SECRET}:27017."), 503),
]


class Counted(quorum.Model):
    n: int


@pytest.fixture
def app() -> flask.Flask:
    app = flask.Flask("faults")
    web_errors.init_app(app)
    return app


@pytest.fixture
def fail(app: flask.Flask) -> Callable[[Exception], None]:
    """Serves `/`, where the error is raised."""

    def serve(error: Exception) -> None:
        def view() -> str:
            raise error

        app.add_url_rule("/", view_func=view, methods=["GET", "POST"])

    return serve


@pytest.mark.parametrize(("error", "status"), STATUSES)
def test_an_error_is_a_page_for_a_browser(
    app: flask.Flask, fail: Callable[[Exception], None], error: Exception, status: int
) -> None:
    fail(error)
    answer = app.test_client().get("/", headers=BROWSER)
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert SECRET not in answer.text
    assert "<b>" not in answer.text


@pytest.mark.parametrize(("error", "status"), STATUSES)
def test_an_error_is_json_for_a_client_that_prefers_it(
    app: flask.Flask, fail: Callable[[Exception], None], error: Exception, status: int
) -> None:
    fail(error)
    answer = app.test_client().get("/", headers=PROGRAM)
    assert answer.status_code == status
    assert answer.mimetype == "application/json"
    assert answer.vary.as_set() == {"accept"}
    assert answer.json["error"]["code"] == status
    assert SECRET not in answer.text


def test_a_validation_error_tells_the_messages_of_each_field(
    app: flask.Flask, fail: Callable[[Exception], None]
) -> None:
    fail(INVALID)
    client = app.test_client()
    assert client.get("/", headers=PROGRAM).json == {
        "error": {
            "code": 422,
            "name": "Unprocessable Entity",
            "message": "Post: title: Longer than <b>.; tags.0: Not a string.",
            "messages": {"title": ["Longer than <b>."], "tags": {"0": ["Not a string."]}},
        }
    }
    assert "title: Longer than &lt;b&gt;." in client.get("/", headers=BROWSER).text


@pytest.mark.parametrize(
    ("headers", "sent", "mimetype"),
    [
        ({}, None, "text/html"),
        ({"Accept": "*/*"}, None, "text/html"),
        ({"Accept": "*/*"}, {}, "application/json"),
        ({}, {}, "application/json"),
        (BROWSER, {}, "text/html"),
        ({"Accept": "application/json;q=0.5,text/html"}, None, "text/html"),
        ({"Accept": "application/json,text/html;q=0.5"}, None, "application/json"),
        ({"Accept": "application/json,text/html"}, None, "text/html"),
        ({"Accept": "application/json,text/html"}, {}, "application/json"),
        ({"Accept": "image/png"}, None, "text/html"),
        ({"Accept": "\xff;q=x,,"}, None, "text/html"),
    ],
)
def test_a_client_gets_what_it_prefers_else_what_it_sent(
    app: flask.Flask, fail: Callable[[Exception], None], headers: dict[str, str], sent: Any, mimetype: str
) -> None:
    fail(errors.NotFoundError("Nothing."))
    assert app.test_client().post("/", headers=headers, json=sent).mimetype == mimetype


def test_every_error_of_http_is_json_for_a_client_that_prefers_it(
    app: flask.Flask, fail: Callable[[Exception], None]
) -> None:
    fail(ZeroDivisionError())
    client = app.test_client()
    assert client.get("/missing", headers=PROGRAM).json["error"]["name"] == "Not Found"
    assert client.get("/", headers=PROGRAM).json["error"]["code"] == 500
    refused = client.delete("/", headers=PROGRAM)
    assert refused.json["error"]["code"] == 405
    assert "POST" in refused.headers["Allow"]


def test_a_handler_of_the_application_for_the_status_serves_ours(
    app: flask.Flask, fail: Callable[[Exception], None]
) -> None:
    caught: list[HTTPException] = []

    @app.errorhandler(404)
    def missing(error: NotFound) -> str:
        caught.append(error)
        return "mine"

    ours = errors.NotFoundError("Nothing.")
    fail(ours)
    answer = app.test_client().get("/", headers=PROGRAM)
    assert answer.text == "mine"
    assert caught[0].__cause__ is ours


def test_a_handler_of_a_blueprint_for_the_status_serves_ours(app: flask.Flask) -> None:
    part = flask.Blueprint("part", __name__)

    @part.errorhandler(422)
    def invalid(error: UnprocessableEntity) -> tuple[str, int]:
        return "part", 422

    @part.get("/part")
    def view() -> str:
        raise INVALID

    app.register_blueprint(part)
    assert app.test_client().get("/part").text == "part"


@pytest.mark.parametrize("error", [errors.ValidationError, errors.QuorumError, HTTPException])
def test_a_handler_that_the_application_had_before_stays(error: type[Exception]) -> None:
    app = flask.Flask("faults")

    @app.errorhandler(error)
    def mine(raised: Exception) -> str:
        return "mine"

    @app.get("/")
    def view() -> str:
        raise INVALID

    web_errors.init_app(app)
    answer = app.test_client().get("/", headers=PROGRAM)
    assert (answer.text == "mine") == (error is not errors.QuorumError)
    assert app.error_handler_spec[None][None][error] is mine


def test_a_stored_value_that_is_wrong_is_a_500(
    app: flask.Flask, fail: Callable[[Exception], None], caplog: pytest.LogCaptureFixture
) -> None:
    fail(errors.StoredValueError("Not a string.", model="Post", field="title", id=SECRET))
    answer = app.test_client().get("/", headers=BROWSER)
    assert answer.status_code == 500
    assert SECRET not in answer.text
    assert f"Post.title of document '{SECRET}'" in caplog.text


def test_a_server_that_does_not_answer_is_named_in_the_log(
    app: flask.Flask, fail: Callable[[Exception], None], caplog: pytest.LogCaptureFixture
) -> None:
    fail(errors.OperationalError(f"No answer from {SECRET}:27017."))
    with caplog.at_level(logging.ERROR):
        answer = app.test_client().get("/")
    assert answer.headers["Retry-After"] == "5"
    assert SECRET in caplog.text


def _translated(cause: pymongo.errors.PyMongoError) -> errors.OperationalError:
    try:
        raise mongodb.translate(cause) from cause
    except errors.OperationalError as error:
        return error


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (pymongo.errors.OperationFailure("unknown operator: $gtt", 2), 500),
        (pymongo.errors.OperationFailure("Expected field", 9), 500),
        (pymongo.errors.OperationFailure("field must be a number", 14), 500),
        (pymongo.errors.OperationFailure("no such thing", 17287), 500),
        (pymongo.errors.OperationFailure("not authorized", 13), 500),
        (pymongo.errors.OperationFailure("said without a code"), 500),
        (pymongo.errors.BulkWriteError({"writeErrors": [{"code": 9}]}), 500),
        (pymongo.errors.InvalidOperation("Cannot do that"), 500),
        (pymongo.errors.ExecutionTimeout("took too long", 50), 503),
        (pymongo.errors.OperationFailure("not primary", 10107), 503),
        (pymongo.errors.OperationFailure("busy", 99, {"errorLabels": ["RetryableWriteError"]}), 503),
        (pymongo.errors.WTimeoutError("not replicated", 64), 503),
        (pymongo.errors.BulkWriteError({"writeConcernErrors": [{"code": 64}]}), 503),
        (pymongo.errors.InvalidOperation("Cannot use MongoClient after close"), 503),
        (pymongo.errors.ServerSelectionTimeoutError("refused"), 503),
        (pymongo.errors.NetworkTimeout("timed out"), 503),
        (pymongo.errors.AutoReconnect("closed"), 503),
    ],
)
def test_what_a_server_refuses_is_a_fault_of_the_application(
    app: flask.Flask,
    fail: Callable[[Exception], None],
    caplog: pytest.LogCaptureFixture,
    cause: pymongo.errors.PyMongoError,
    status: int,
) -> None:
    fail(_translated(cause))
    answer = app.test_client().get("/", headers=PROGRAM)
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert "MongoDB at" in caplog.text


def test_a_filter_that_the_server_can_not_read_is_a_500(
    monkeypatch: pytest.MonkeyPatch, mongo_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MONGOHQ_URL", mongo_url)
    app = quorum.load(flask.Flask("faults"), models=[Counted])
    app.add_url_rule("/", view_func=lambda: flask.jsonify(list(Counted.find({"n": {"$gtt": 3}}))))
    answer = app.test_client().get("/")
    quorum.unload()
    assert answer.status_code == 500
    assert "$gtt" in caplog.text


def test_in_debug_the_page_names_the_server_that_does_not_answer(
    app: flask.Flask, fail: Callable[[Exception], None]
) -> None:
    app.debug = True
    fail(errors.OperationalError(f"No answer from {SECRET}:27017."))
    assert SECRET in app.test_client().get("/").text


def test_an_error_of_configuration_is_nobody_elses_business(
    app: flask.Flask, fail: Callable[[Exception], None]
) -> None:
    app.testing = True
    fail(errors.ConfigurationError("Wrong."))
    with pytest.raises(errors.ConfigurationError):
        app.test_client().get("/")


def test_an_error_that_flask_lets_through_for_debugging_still_passes(app: flask.Flask) -> None:
    app.config["TRAP_BAD_REQUEST_ERRORS"] = True
    app.testing = True
    app.add_url_rule("/", view_func=lambda: flask.request.args["missing"])
    with pytest.raises(KeyError):
        app.test_client().get("/", headers=PROGRAM)


def test_a_response_that_a_view_aborts_with_is_sent_as_it_is(app: flask.Flask) -> None:
    app.add_url_rule("/", view_func=lambda: flask.abort(flask.Response("mine", 418)))
    answer = app.test_client().get("/", headers=PROGRAM)
    assert (answer.status_code, answer.text) == (418, "mine")
