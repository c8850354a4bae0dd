"""What the benchmarks say: figures from samples, of documents that are the same at each run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import plan, shapes
from benchmarks.documents import Documents
from benchmarks.peers import ITEM, Adapter, can
from benchmarks.report import Results


def sample(task: str, peer: str, cpu: float, wall: float = 1e-6) -> dict[str, Any]:
    return {"task": task, "peer": peer, "cpu": cpu, "wall": wall, "peak": 0, "size": 250}


def test_a_ratio_is_the_median_over_the_rounds_of_one_environment() -> None:
    results = Results()
    for raw, ours in ((1, 2), (10, 11), (1, 3)):
        results.add("main", sample("small-find", "raw", raw))
        results.add("main", sample("small-find", "quorum", ours))
    results.add("beanie", sample("small-find", "raw", 5))
    results.add("beanie", sample("small-find", "quorum", 5))
    results.add("beanie", sample("small-find", "beanie", 20))
    found = results.summary()["small-find"]
    assert (found["quorum"]["ratio"], found["beanie"]["ratio"]) == (2, 4)
    assert found["quorum"]["score"] == pytest.approx(250)


def test_a_failure_is_kept_and_has_no_figure() -> None:
    results = Results()
    results.add("main", {"task": "dump", "peer": "odmantic", "failure": "AssertionError"})
    assert results.failures == [
        {"environment": "main", "task": "dump", "peer": "odmantic", "failure": "AssertionError"}
    ]
    assert results.summary() == {}


@pytest.mark.parametrize("shape", [shape for shape in shapes.ALL if not shape.embedded], ids=lambda shape: shape.name)
def test_documents_are_the_same_at_each_run(shape: shapes.Shape) -> None:
    one, two = ([{**d, "_id": None} for d in Documents().make(shape, 3)] for _ in range(2))
    assert one == two
    assert all(document.keys() - {"_id"} <= shape.fields.keys() for document in one)


def test_a_folder_without_the_benchmarks_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"has none of .*small_doc\.json"):
        Documents(tmp_path)


def test_files_take_the_place_of_generated_documents(tmp_path: Path) -> None:
    (tmp_path / "movies.json").write_text('[{"_id": {"$oid": "573a1390f29313caabcd4135"}, "title": "Blacksmith"}]')
    documents = Documents(tmp_path)
    assert [movie["title"] for movie in documents.make(shapes.MOVIE, 2)] == ["Blacksmith", "Blacksmith"]
    assert documents.source == "files of Movie; generated otherwise"


def test_a_reader_reads_what_a_user_would_write() -> None:
    paths = ["title", "imdb.id", "tags.1.name"]
    tags = [{"name": "a"}, {"name": "b"}]
    assert shapes.reader(paths, ITEM)({"title": "T", "imdb": {"id": 7}, "tags": tags}) == ("T", 7, "b")
    document = SimpleNamespace(title="T", imdb=SimpleNamespace(id=7), tags=[None, SimpleNamespace(name="b")])
    assert shapes.reader(paths, "{}.{}")(document) == ("T", 7, "b")


def test_a_nested_document_has_217_values() -> None:
    assert len(shapes.leaves(shapes.NESTED)) == 217


def test_a_peer_without_a_method_is_left_out_of_its_tasks() -> None:
    class Peer(Adapter):
        distribution = "none"

        def dump(self, objects: list[Any]) -> str:
            return ""

    methods = {task.name: task.methods for task in plan.TASKS}
    assert can(Peer(), methods["dump"])
    assert not can(Peer(), methods["small-find"])
