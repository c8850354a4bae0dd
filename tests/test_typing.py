"""What type checkers say of an application's code, with no plugin.

Each line of `USE` that a checker must refuse ends with `# error`; each `reveal_type` with the type that it must be.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import servers

import quorum

ROOT = Path(quorum.__file__).parents[1]

USE = """
from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path

import quorum


class Color(Enum):
    RED = "red"


class Author(quorum.Model, quorum.Timestamped):
    name: str = quorum.field(max_length=64, unique=True)
    email: str | None = quorum.field(format="email", default=None)

    class Meta:
        indexes = [("name", "-created_at")]
        revision = True


class Comment(quorum.EmbeddedModel):
    text: str
    by: Author = quorum.reference()


class Dated(quorum.Model):
    day: datetime | None = None

    class Meta:
        abstract = True


class Post(Dated, quorum.Timestamped):
    title: str = quorum.field(max_length=120, index=True)
    body: str = ""
    author: Author = quorum.reference(index=True)
    editor: Author | None = quorum.reference(default=None)
    tags: list[str] = []
    comments: list[Comment] = []
    price: Decimal | None = None
    color: Color = Color.RED
    number: int = quorum.field(increment=True, readonly=True)

    @quorum.validates("title")
    def check_title(self, value: str) -> None:
        raise quorum.ValidationError("No.")

    def pre_save(self) -> None:
        self.body = self.title


class Special(Post):
    extra: int = 0


class Country(quorum.Model):
    code: str = quorum.field(primary=True)


class Album(quorum.Model):
    scan: quorum.File = quorum.file(extensions=[".pdf"], key=lambda album, file: "scans")
    cover: quorum.File | None = quorum.file(
        default=None, max_size="5MB", content_types=["image/*"], image={"thumbnails": {"small": (8, 8)}}
    )
    pages: list[quorum.File] = quorum.file(default=[], max_length=5, storage=quorum.storage.MemoryStorage())


author = Author(name="a")
post = Post(title="a", author=author, tags=["x"], comments=[Comment(text="t", by=author)])

# Attributes.
reveal_type(post.id)  # ObjectId
reveal_type(post.title)  # str
reveal_type(post.author)  # Author
reveal_type(post.author.name)  # str
reveal_type(post.editor)  # Author | None
reveal_type(post.tags)  # list[str]
reveal_type(post.comments[0].by.name)  # str
reveal_type(post.price)  # Decimal | None
reveal_type(post.color)  # Color
reveal_type(post.number)  # int
reveal_type(post.created_at)  # datetime
reveal_type(post.day)  # datetime | None
reveal_type(Special(title="a", author=author, extra=3).extra)  # int
post.title = 3  # error
post.titel = "a"  # error
post.titel  # error
post.editor.name  # error
post.created_at = "now"  # error
post.comments.append("text")  # error

# The constructor.
Post(title="a", author=author, day=None, price=None)
Post(id=post.id, title="a", author=author)
Post(titel="a", author=author)  # error
Post(title="a")  # error
Post(title=3, author=author)  # error
Post(title="a", author="b")  # error
Post(title="a", author=author, tags="x")  # error
Post(title="a", author=author, number=3)  # error
Post(title="a", author=author, created_at=datetime.now(UTC))  # error
Post("a", author)  # error
Special(title="a", author=author, extra="x")  # error
Comment(text="a")  # error
Country()  # error
Country(code="de")

# Files.
album = Album(scan=quorum.File(b"x", name="x.pdf"), pages=[quorum.File(Path("1.txt"))])
reveal_type(album.scan)  # File
reveal_type(album.cover)  # File | None
reveal_type(album.pages[0].name)  # str
reveal_type(album.scan.read())  # bytes
reveal_type(album.scan.open())  # BinaryIO
reveal_type(album.scan.url(expires=60, download=True))  # str
reveal_type(album.scan.thumbnail("small"))  # File
reveal_type(album.scan.thumbnails)  # dict[str, File]
reveal_type(album.scan.width)  # int | None
reveal_type(album.scan.uploaded_at)  # datetime | None
album.scan = album.pages[0]
album.cover.read()  # error
album.cover = 3  # error
album.pages.append("x.txt")  # error
album.scan.size = 3  # error
Album()  # error

# Options.
quorum.field(maxlength=3)  # error
quorum.field(max_length="3")  # error
quorum.field(default=1, increment=True)  # error
quorum.reference(max_length=3)  # error
quorum.file(maxsize=3)  # error
quorum.file(content_types=3)  # error

# Reading.
reveal_type(Post.find())  # Query[Post]
reveal_type(Post.find(tags="x").sort("-title").limit(3).only("title").skip(1))  # Query[Post]
reveal_type(Post.find(Post.number > 3, Post.title.startswith("A")))  # Query[Post]
reveal_type(Post.find((Post.title == "a") | (Post.body != "b")))  # Query[Post]
reveal_type(Post.find({"title": "a"}).find(title="a"))  # Query[Post]
reveal_type(Special.find())  # Query[Special]
reveal_type(Post.first())  # Post | None
reveal_type(Post.find().first())  # Post | None
reveal_type(Post.get(post.id))  # Post
reveal_type(Special.get(title="a"))  # Special
reveal_type(Post.find()[0])  # Post
reveal_type(Post.find()[0:2])  # Query[Post]
reveal_type([one.title for one in Post.find()])  # list[str]
reveal_type(list(Post.find()))  # list[Post]
reveal_type(Post.find().stream())  # Iterator[Post]
reveal_type(Post.find().paginate(1, 20))  # Page[Post]
reveal_type(Post.find().paginate().items)  # list[Post]
reveal_type([one.title for one in Post.find().paginate()])  # list[str]
reveal_type(Post.find().paginate().next_page)  # int | None
reveal_type(Post.find().values("title"))  # list[dict[str, Any]]
reveal_type(Post.find().count())  # int
reveal_type(len(Post.find()))  # int
reveal_type(Post.count(title="a"))  # int
reveal_type(Post.exists(title="a"))  # bool
Post.find("title")  # error
Post.find().sort(3)  # error
Post.find().limit("3")  # error
Post.find().nosuch()  # error
Post.first().title  # error
Post.get(post.id).nosuch  # error

# Writing.
reveal_type(post.save())  # Post
reveal_type(Special.new({}, title="a"))  # Special
reveal_type(post.apply({}))  # Post
reveal_type(post.reload())  # Post
reveal_type(post.delete())  # None
reveal_type(post.validate())  # None
reveal_type(post.dump())  # dict[str, Any]
reveal_type(post.changes())  # dict[str, Any]
reveal_type(Post.collection)  # Collection[dict[str, Any]]
reveal_type(Post.Schema())  # Schema
"""


#: What `quorum` looks up when it is first asked for.
LATE = """
import flask
from typing import assert_type
import quorum

assert_type(quorum.APP, flask.Flask | None)
assert_type(quorum.load(name="shop"), flask.Flask)
quorum.load(nmae=1, safe="yes")
quorum.unload()
quorum.run("flask")
"""

#: What a block of the documentation stands on.
BEFORE = """
from __future__ import annotations

import quorum


class Post(quorum.Model):
    scan: quorum.File = quorum.file()
    cover: quorum.File | None = quorum.file(default=None)
    attachments: list[quorum.File] = quorum.file(default=[])


"""

#: After it: the cast is the same for each kind of field.
AFTER = """
cast(Direct, Post.scan).presign("image/png", expires=60)
cast(Direct, Post.cover).confirm("key")
"""


def documented() -> str:
    """The block of docs/files.md that is written for type checkers."""
    page = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if "cast(Direct" in block]
    return BEFORE + block + AFTER


def expected() -> tuple[dict[int, str], set[int]]:
    """The types to be revealed, by line; the lines of errors."""
    revealed, wrong = {}, set()
    for number, line in enumerate(USE.splitlines(), 1):
        code, _, comment = line.partition("  # ")
        if comment == "error":
            wrong.add(number)
        elif code.startswith("reveal_type"):
            revealed[number] = comment
    return revealed, wrong


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("typed")
    for name, text in (("use.py", USE), ("late.py", LATE), ("documented.py", documented())):
        (made / name).write_text(text)
    return made


@pytest.fixture(scope="module")
def mypy(folder: Path) -> str:
    """What mypy says of all of it: most of its time goes to quorum itself."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", "cache", "use.py", "late.py", "documented.py"],
        cwd=folder,
        env={"MYPYPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    return done.stdout


def test_mypy_knows_the_types(mypy: str) -> None:
    said = re.findall(r"^use\.py:(\d+): (error|note): (.*)$", mypy, re.MULTILINE)
    revealed = {
        int(line): re.sub(r"\b(?:\w+\.)+(?=\w)", "", text.split('"')[1])
        for line, _, text in said
        if text.startswith("Revealed type is")
    }
    wrong = {int(line) for line, severity, _ in said if severity == "error"}
    assert (revealed, wrong) == expected(), mypy


def test_mypy_is_content_with_what_is_documented(mypy: str) -> None:
    assert "documented.py" not in mypy


def test_mypy_sees_what_is_looked_up_late(mypy: str) -> None:
    (error,) = [line for line in mypy.splitlines() if line.startswith("late.py")]
    assert 'late.py:8: error: Argument "safe" to "load" has incompatible type "str"' in error


def test_pyright_knows_the_types(folder: Path) -> None:
    servers.require("pyright")
    options = {
        "include": ["use.py", "documented.py"], "extraPaths": [str(ROOT)], "venvPath": str(Path(sys.prefix).parent),
        "venv": Path(sys.prefix).name, "typeCheckingMode": "strict",
    }  # fmt: skip
    (folder / "pyrightconfig.json").write_text(json.dumps(options))
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--project", str(folder), "--outputjson"],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        every = json.loads(done.stdout)["generalDiagnostics"]
    except ValueError:
        servers.missing(f"pyright cannot run here, as it fetches itself when first used: {done.stderr[-200:]}")
    said = [one for one in every if Path(one["file"]).name == "use.py"]
    revealed = {
        one["range"]["start"]["line"] + 1: one["message"].split('" is "')[1].rstrip('"')
        for one in said
        if one["message"].startswith("Type of") and one["severity"] == "information"
    }
    wrong = {one["range"]["start"]["line"] + 1 for one in said if one["severity"] == "error"}
    assert (revealed, wrong) == expected(), done.stdout
    assert said == every
