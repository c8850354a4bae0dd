"""The code that is generated: for fields of any name, and fit to be read."""

from __future__ import annotations

import enum
import re
import typing
from collections.abc import Callable
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from quorum import EmbeddedModel, Model, field
from quorum.errors import ValidationError


class Line(EmbeddedModel):
    text: str


class Hint(EmbeddedModel):
    a: int


class v1(EmbeddedModel):
    a: int


class type_(EmbeddedModel):
    a: int


class check_str(EmbeddedModel):
    a: int


ODD = enum.Enum("my kind", {"A": 1})  # type: ignore[misc]
SHADOW = enum.Enum("isinstance", {"A": 1})  # type: ignore[misc]


class Odd(Model):
    """Names that are Python's, marshmallow's, or the generated code's own."""

    type: type_
    class_: str = field(default="c", max_length=3)
    str: typing.Text = field(default="s", max_length=3)  # noqa: UP019
    s: int = field(default=1, min=0, max=5)
    s_min: int = field(default=1, max=5)
    values: list[v1] = []
    id_: check_str | None = None
    len: dict[typing.Text, Hint | Line] = {}  # noqa: UP019
    all: tuple[Decimal, UUID] | None = None
    check: datetime | None = None
    check_s: float = field(default=1.0, validate=lambda value: None)
    encode: time | None = None
    encode_str: Any = None
    self: int = 1
    cls: int = 2
    load: int = 3
    fields: set[int] = set()
    context: int = 4
    many: bool = True
    naïve: int = 5  # noqa: PLC2401
    名前: int = 6  # noqa: PLC2401
    True_: bool = True
    kind: ODD = ODD.A  # type: ignore[valid-type]
    shadow: SHADOW = SHADOW.A  # type: ignore[valid-type]


def test_fields_of_any_name_work(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Odd)
    given: dict[str, Any] = {
        "type": type_(a=1),
        "values": [v1(a=2)],
        "id_": check_str(a=3),
        "len": {"a": Hint(a=4)},
        "all": (Decimal(1), UUID(int=0)),
        "check": datetime(2020, 1, 1, tzinfo=UTC),
        "encode": time(1),
        "self": 7,
        "cls": 8,
        "名前": 9,
    }
    odd = Odd(**given).save()
    found = Odd.get(odd.id)
    assert {name: getattr(found, name) for name in given} == given
    assert found.dump() == odd.dump() == Odd.Schema().dump(found)
    assert Odd.find(self=7, cls=8, naïve=5, 名前=9, id=odd.id).count() == 1
    assert Odd.get(self=7, cls=8).id == odd.id
    assert Odd.new({"self": 1, "cls": 2, "type": {"a": 1}, "fields": [1]}, many=False).self == 1
    with pytest.raises(ValidationError, match="str: Longer than maximum length 3"):
        Odd(type=type_(a=1), str="long").validate()
    assert Odd.Schema().load({"type": {"a": 1}, "load": 4})["load"] == 4


@pytest.mark.parametrize("name", sorted(re.findall(r"^def ([a-z_]+)\(", Line.__codec_source__, re.MULTILINE)))
def test_an_embedded_model_can_have_the_name_of_a_generated_function(name: str) -> None:
    part: Any = type(name, (EmbeddedModel,), {"__annotations__": {"a": int}, "__module__": __name__})
    whole: Any = type("Whole", (Model,), {"__annotations__": {"part": part}, "__module__": __name__})
    assert whole(part={"a": 1}).dump()["part"] == {"a": 1}


def test_the_generated_code_is_shown_and_reads_like_a_persons() -> None:
    source = Odd.__codec_source__
    compile(source, "<shown>", "exec")
    stored = "encode_type(values['type']) if 'type' in values else stored['type']"
    assert f"    return {{\n        '_id': values['id'],\n        'type': {stored}," in source

    class Simple(Model):
        title: typing.Text = field(max_length=120)  # noqa: UP019
        pages: int | None = None

    assert Simple.__codec_source__.endswith(
        "\n\ndef check_title(title_):\n"
        "    return type(title_) is str and (title_.isascii() or is_utf8(title_)) and len(title_) <= 120\n\n"
        "def check_pages(pages_):\n"
        f"    return (pages_ is None or ((type(pages_) is int or type(pages_) is Int64)"
        f" and -{2**63} <= pages_ <= {2**63 - 1}))"
    )
