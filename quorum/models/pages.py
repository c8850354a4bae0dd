"""A page of a query's documents, with what a template needs to lead to the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from .. import errors

M = TypeVar("M")

PER_PAGE, MAX_PER_PAGE = 20, 100
_DIGITS = re.compile(r"[0-9]{1,9}\Z")


class Page(Generic[M]):
    """The documents of one page.

    `items` are its documents, `page` its number from 1, `per_page` the most that it holds, `total` the number of
    documents on all pages and `pages` the number of pages (0 where there is no document).
    """

    def __init__(self, items: list[M], page: int, per_page: int, total: int) -> None:
        self.items = items
        self.page = page
        self.per_page = per_page
        self.total = total

    @property
    def pages(self) -> int:
        return -(-self.total // self.per_page)

    @property
    def has_prev(self) -> bool:
        return self.page > 1

    @property
    def has_next(self) -> bool:
        return self.page < self.pages

    @property
    def prev_page(self) -> int | None:
        return self.page - 1 if self.has_prev else None

    @property
    def next_page(self) -> int | None:
        return self.page + 1 if self.has_next else None

    def __iter__(self) -> Iterator[M]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"<Page {self.page} of {self.pages}: {len(self.items)} of {self.total}>"


def positive(value: Any, name: str, model: str, least: int = 1) -> int:
    """Read a number from code or from a request: an int, or ASCII digits.

    :raises ValidationError: it is neither, or less than `least`.
    """
    if isinstance(value, str) and _DIGITS.match(value):
        value = int(value)
    if type(value) is not int:
        raise errors.ValidationError({name: ["Not a valid integer."]}, model=model)
    if not least <= value <= 2**31 - 1:
        problem = (
            f"Must be greater than or equal to {least}."
            if value < least
            else f"Must be less than or equal to {2**31 - 1}."
        )
        raise errors.ValidationError({name: [problem]}, model=model)
    return value
