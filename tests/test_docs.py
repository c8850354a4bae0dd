"""The Python in README.md and docs/ runs: page by page, a page's blocks in order, in one namespace, in memory."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

BLOCK = re.compile(r"^(?P<indent> *)```(?:python|py)\b[^\n]*\n(?P<code>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
#: Right before a block that is not to run: `<!-- not run: reason -->`.
NOT_RUN = re.compile(r"<!-- not run: \S[^\n]*-->\s*\Z")

# The blocks are a module, so that models find their names, which is not __main__, so that quorum.run() does not run.
RUN = """
import sys, types
page = types.ModuleType("page")
page.__file__ = sys.argv[1]
sys.modules["page"] = page
exec(compile(sys.stdin.read(), sys.argv[1], "exec"), page.__dict__)
"""


def _source(text: str) -> str:
    """Give the blocks of a page as one module, each on the lines where it stands."""
    lines: list[str] = []
    for block in BLOCK.finditer(text):
        if NOT_RUN.search(text[: block.start()]):
            continue
        start = text.count("\n", 0, block.start("code"))
        lines += [""] * (start - len(lines))
        indent = len(block["indent"])
        lines += [line[indent:] for line in block["code"].splitlines()]
    return "\n".join(lines) + "\n" if lines else ""


def _run(page: Path, source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning:mongomock", "-c", RUN, str(page)],
        input=source,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "examples" / "blog"))),
            "MONGOHQ_URL": "mongomock://",
        },
    )


@pytest.mark.parametrize(
    "page", [page for page in PAGES if _source(page.read_text(encoding="utf-8"))], ids=lambda page: page.name
)
def test_the_code_of_a_page_runs(page, tmp_path):
    done = _run(page, _source(page.read_text(encoding="utf-8")), tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_fault_is_found_on_its_line(tmp_path):
    text = "# Title\n\n```python\nx = 1\n```\n\nText\n\n```python\nassert x == 1\nassert x == 2\n```\n"
    done = _run(tmp_path / "page.md", _source(text), tmp_path)
    assert done.returncode == 1
    assert 'page.md", line 11' in done.stderr


def test_only_a_reason_keeps_a_block_from_running():
    assert _source("<!-- not run: needs a cluster -->\n```python\nx\n```\n") == ""
    assert _source("<!-- not run: -->\n```python\nx\n```\n") == "\n\nx\n"
    assert _source("<!-- not run: needs a cluster -->\nText\n```python\nx\n```\n") == "\n\n\nx\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_to_files_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
