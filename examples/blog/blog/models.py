"""What the blog stores."""

from __future__ import annotations

import functools
import itertools
import re
from datetime import UTC, datetime
from typing import Self

from marshmallow.validate import Length, Regexp
from werkzeug.security import check_password_hash, generate_password_hash

import quorum

PASSWORD_LENGTH = (8, 128)
TAG = re.compile(r"\w[\w+#.-]{0,29}")


def message(text: str) -> str:
    """Mark a text for the catalogues. It stays in English here, and is translated where it is shown."""
    return text


NOT_EMPTY = Length(min=1, error=message("Please write something here."))


def now() -> datetime:
    return datetime.now(UTC)


class Author(quorum.Model, quorum.Timestamped):
    """An account. Its username is kept in lower case, so that no two differ by case alone."""

    username: str = quorum.field(
        unique=True,
        min_length=2,
        max_length=30,
        validate=Regexp(r"[a-z0-9_-]*\Z", error=message("Use letters from a to z, digits, - and _ only.")),
    )
    password_hash: str = quorum.field(private=True)
    email: str | None = quorum.field(default=None, private=True, format="email", max_length=254)
    locale: str | None = quorum.field(default=None, private=True)

    @classmethod
    def register(cls, username: str, password: str, email: str | None = None, locale: str | None = None) -> Self:
        """Store a new account.

        :param email: where mail goes; None for an author who wants none.
        :param locale: the language of that mail.
        :raises ValidationError: the username, the password or the address does not do; the username is taken.
        """
        shortest, longest = PASSWORD_LENGTH
        if not shortest <= len(password) <= longest:
            raise quorum.ValidationError({"password": [f"Length must be between {shortest} and {longest}."]})
        hashed = generate_password_hash(password)
        return cls(username=normalized(username), password_hash=hashed, email=email, locale=locale).save()

    @classmethod
    def authenticate(cls, username: str, password: str) -> Self | None:
        """Give the account of these credentials; None takes as long for an unknown username as for a known one."""
        author = cls.first(username=normalized(username))
        known = author.password_hash if author else hash_of_nobody()
        return author if check_password_hash(known, password) else None


class Comment(quorum.EmbeddedModel):
    """What a reader says below a post."""

    text: str = quorum.field(max_length=2000, validate=NOT_EMPTY)
    author: Author = quorum.reference()
    created_at: datetime = quorum.field(default=now)


def check_tags(tags: list[str]) -> None:
    wrong = [tag for tag in tags if not TAG.fullmatch(tag)]
    if wrong:
        text = message("Not a tag: {tags}. Use letters, digits and + # . - _, at most 30 of them.")
        raise quorum.ValidationError(text.replace("{tags}", ", ".join(wrong)[:100]))


class Post(quorum.Model, quorum.Timestamped):
    """A post, with its comments inside."""

    title: str = quorum.field(max_length=120, validate=NOT_EMPTY)
    body: str = quorum.field(max_length=20_000, validate=NOT_EMPTY)
    author: Author = quorum.reference(index=True, readonly=True)
    tags: list[str] = quorum.field(default=[], max_length=8, validate=check_tags)
    comments: list[Comment] = quorum.field(default=[], max_length=500, readonly=True)
    cover: quorum.File | None = quorum.file(
        default=None,
        content_types=["image/*"],
        max_size="5MB",
        image={"max_width": 1600, "thumbnails": {"small": (320, 320)}},
    )
    attachments: list[quorum.File] = quorum.file(default=[], max_size="10MB", max_length=5)

    class Meta:
        indexes = ["-created_at", ("tags", "-created_at")]
        revision = True

    @property
    def paragraphs(self) -> list[str]:
        """The parts of the body between lines that are empty."""
        groups = itertools.groupby(self.body.split("\n"), key=lambda line: bool(line.strip()))
        return ["\n".join(lines).strip() for filled, lines in groups if filled]


def normalized(username: str) -> str:
    return username.strip().lower()


@functools.cache
def hash_of_nobody() -> str:
    return generate_password_hash("")
