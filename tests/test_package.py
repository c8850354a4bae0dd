"""What `import quorum` brings, and what it costs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import quorum

OPTIONAL = {"flask", "werkzeug", "jinja2", "boto3", "redis", "pika", "dramatiq", "mongomock", "secantus", "orjson"}


def loaded_by(code: str) -> set[str]:
    """The modules that a new process has after running some code."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "code", ["import quorum", "import quorum; quorum.APP; quorum.conf('PORT'); dir(quorum)", "import quorum.models"]
)
def test_flask_and_what_is_optional_stay_unloaded(code: str) -> None:
    assert loaded_by(code) & OPTIONAL == set()


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


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'quorum' has no attribute 'laod'"):
        quorum.laod  # noqa: B018


def test_the_package_is_marked_as_typed() -> None:
    assert Path(quorum.__file__).with_name("py.typed").is_file()


COST = """
import time
import marshmallow, pymongo
begun = time.process_time()
import quorum
print(time.process_time() - begun)
"""


def test_import_costs_at_most_15_ms_over_pymongo_and_marshmallow(tmp_path: Path) -> None:
    environment = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONPATH": str(Path(quorum.__file__).parents[1])}
    costs = [
        float(subprocess.run([sys.executable, "-c", COST], env=environment, capture_output=True, check=True).stdout)
        for _ in range(6)
    ]
    # The first one compiles.
    assert min(costs[1:]) <= 0.015
