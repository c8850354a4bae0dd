"""docs/promises.md and the tests that are marked with `@pytest.mark.promise("D3")` say the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs" / "promises.md"


def _numbers(marks: Iterable[ast.expr]) -> set[str]:
    """Give the numbers of all promise markers in some decorators, or in the value of `pytestmark`."""
    calls = [node for mark in marks for node in ast.walk(mark) if isinstance(node, ast.Call)]
    found = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "promise"]
    return {str(ast.literal_eval(argument)) for call in found for argument in call.args}


def _promises(source: str) -> dict[str, set[str]]:
    """Give the numbers that each test of a file is marked with, by the test's name."""
    body = ast.parse(source).body
    shared = _numbers(
        node.value
        for node in body
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["pytestmark"]
    )
    tests = [node for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    tables = {
        name: _numbers([node.value])
        for node in body
        if isinstance(node, ast.Assign)
        for name in map(ast.unparse, node.targets)
    }
    found = {}
    for test in tests:
        used = {node.id for mark in test.decorator_list for node in ast.walk(mark) if isinstance(node, ast.Name)}
        found[test.name] = shared.union(_numbers(test.decorator_list), *(tables.get(name, set()) for name in used))
    return found


def _shown(text: str) -> dict[str, list[str]]:
    """Give the names of tests that the page has for each promise."""
    found = {}
    for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        shown = section.partition("Shown by")[2].partition("\n## ")[0]
        found[section.partition(":")[0]] = re.findall(r"`(test_\w+)`", shown)
    return found


MARKED: dict[str, set[str]] = {}
for _file in sorted(TESTS.rglob("test_*.py")):
    for _name, _found in _promises(_file.read_text(encoding="utf-8")).items():
        MARKED.setdefault(_name, set()).update(_found)
SHOWN = _shown(PAGE.read_text(encoding="utf-8"))


def test_the_page_has_promises():
    assert {"D1", "D15", "D17", "D18", "D19", "D20", "I1", "I5"} <= set(SHOWN)


@pytest.mark.parametrize("number", SHOWN)
def test_each_promise_has_a_test_that_is_marked_with_it(number):
    assert [name for name, numbers in MARKED.items() if number in numbers]


def test_each_marker_names_a_promise_of_the_page():
    assert {name: numbers - set(SHOWN) for name, numbers in MARKED.items() if numbers - set(SHOWN)} == {}


@pytest.mark.parametrize("number", SHOWN)
def test_the_tests_on_the_page_exist_and_are_marked(number):
    assert SHOWN[number]
    assert [name for name in SHOWN[number] if number not in MARKED.get(name, ())] == []


def test_markers_are_found_on_tests_files_and_rows_of_tables():
    source = (
        "pytestmark = pytest.mark.promise('D1')\n"
        "ROWS = [pytest.param(1, marks=pytest.mark.promise('D2'))]\n"
        "@pytest.mark.parametrize('row', ROWS)\n"
        "def test_a(row): ...\n"
        "@pytest.mark.promise('D3', 'D4')\n"
        "def test_b(): ...\n"
    )
    assert _promises(source) == {"test_a": {"D1", "D2"}, "test_b": {"D1", "D3", "D4"}}


def test_names_of_tests_are_read_from_the_page():
    text = "### D1: A\n\nText of `test_x`.\n\nShown by `test_a` and\n`test_b`.\n\n## Not yet\n\n`test_c`\n"
    assert _shown(text) == {"D1": ["test_a", "test_b"]}
