"""What `import quorum` brings."""

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import quorum
from quorum import errors

NOT_NEEDED = {"flask", "werkzeug", "jinja2", "boto3", "redis", "pika", "dramatiq", "mongomock", "secantus", "orjson"}


def loaded_by(code: str) -> set[str]:
    """The modules that a new process has after running some code."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "code", ["import quorum", "import quorum; quorum.APP; quorum.conf('PORT'); dir(quorum)", "import quorum.models"]
)
def test_flask_and_what_is_not_needed_stay_unloaded(code: str) -> None:
    assert loaded_by(code) & NOT_NEEDED == set()


MODEL = """
import quorum
class Post(quorum.Model):
    title: str = quorum.field(max_length=120)
    score: int = quorum.field(min=0, max=5)
"""


@pytest.mark.parametrize("code", ["import quorum", f"{MODEL}Post(title='A title', score=3).validate()"])
def test_marshmallow_is_not_loaded_before_something_is_wrong(code: str) -> None:
    assert "marshmallow" not in loaded_by(code)


def test_the_first_wrong_value_is_an_error_of_marshmallow_and_of_quorum() -> None:
    wrong = """
try:
    Post(title="A title", score=6).validate()
except quorum.ValidationError as error:
    import marshmallow
    assert isinstance(error, marshmallow.ValidationError) and isinstance(error, quorum.QuorumError)
    assert error.messages == {"score": ["Must be greater than or equal to 0 and less than or equal to 5."]}
"""
    assert "marshmallow" in loaded_by(MODEL + wrong)


def test_the_first_use_of_load_brings_flask() -> None:
    assert "flask" in loaded_by("from quorum import load")


def test_all_is_sorted_and_there() -> None:
    assert quorum.__all__ == sorted(quorum.__all__)
    assert [name for name in quorum.__all__ if not hasattr(quorum, name)] == []
    assert set(quorum.__all__) <= set(dir(quorum))


def test_every_error_is_of_the_family() -> None:
    found = [getattr(quorum, name) for name in quorum.__all__ if name.endswith("Error")]
    assert all(issubclass(error, quorum.QuorumError) for error in found)
    assert len(found) == 11


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
@pytest.mark.parametrize(
    "error",
    [
        errors.ConfigurationError("one", "two"),
        errors.ConflictError("changed", model="Post", id=1),
        errors.DanglingReferenceError("gone", model="Author", id=1, field="Post.author"),
        errors.JobError("failed", job="send", state="failed"),
        errors.MailError("refused", code=550, is_temporary=False),
        errors.NotFoundError("none", model="Post"),
        errors.NotLoadedError("left out", model="Post", field="body", id=1),
        errors.OperationalError("no answer", code=6),
        errors.StoredValueError("no text", model="Post", field="title", id=1),
        errors.ValidationError({"title": ["too long"]}, model="Post"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_whole_from_another_process(
    error: quorum.QuorumError, copied: Callable[[quorum.QuorumError], quorum.QuorumError]
) -> None:
    found = copied(error)
    assert (type(found), str(found), found.args, vars(found)) == (type(error), str(error), error.args, vars(error))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'quorum' has no attribute 'laod'"):
        quorum.laod  # noqa: B018


def test_the_package_is_marked_as_typed() -> None:
    assert Path(quorum.__file__).with_name("py.typed").is_file()
