"""Declarations that make no sense fail when the class is made, or at `load()`, naming class and field."""

from __future__ import annotations

import enum
import re
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NewType,
    TypeVar,
    Union,
)

import pytest
from bson import ObjectId
from declaring import declare, meta, problems_of
from marshmallow import validate

import quorum
from quorum import EmbeddedModel, Model, field, reference
from quorum.errors import ValidationError

T = TypeVar("T")


class Color(enum.Enum):
    RED = "red"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Line(EmbeddedModel):
    text: str


class Author(Model):
    name: str


SIZED = "min_length and max_length are for text, bytes and containers, not for"
ORDERED = "min and max are for numbers, text, moments and ids, not for"
MATCHED = "regex and format are for str, not for"
PRIMARY = "a primary field is what documents are found by, neither private nor optional"
HASHED = "cannot be primary: its stored form has no hash, which finding documents by id takes"
DEFAULT = "its default does not fit:"
ANNOTATED = (
    "what stands in Annotated is not read. Write quorum.field(...) as the value; validators are its option `validate`"
)
OPTIONS = (
    "alias, allow_nan, choices, default, format, increment, index, max, max_length, min, min_length, primary, "
    "private, readonly, regex, required, sparse, unique, validate"
)

#: What is declared, and what is said of it.
WRONG_OPTIONS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "max_length of int": (int, {"max_length": 3}, f"{SIZED} int"),
    "max_length of a union": (str | int, {"max_length": 3}, f"{SIZED} str | int"),
    "max_length of Enum": (Color, {"max_length": 3}, f"{SIZED} Color"),
    "max_length as text": (str, {"max_length": "3"}, "max_length is a whole number, not '3'"),
    "max_length negative": (str, {"max_length": -1}, "max_length is a whole number, not -1"),
    "max_length True": (str, {"max_length": True}, "max_length is a whole number, not True"),
    "lengths crossed": (str, {"min_length": 3, "max_length": 2}, "its min_length is greater than its max_length"),
    "min of list": (list[int], {"min": 3}, f"{ORDERED} list[int]"),
    "min of bool": (bool, {"min": True}, f"{ORDERED} bool"),
    "min of Any": (Any, {"min": 3}, f"{ORDERED} Any"),
    "min of a union": (int | str, {"min": 3}, f"{ORDERED} int | str"),
    "min of another type": (int, {"min": "a"}, "its min does not fit: ['Not a valid integer.']"),
    "min of time with a zone": (time, {"min": time(1, tzinfo=UTC)}, "its min is a time without a time zone"),
    "bounds crossed": (int, {"min": 3, "max": 2}, "its min is greater than its max"),
    "regex of int": (int, {"regex": "a"}, f"{MATCHED} int"),
    "regex of a union": (str | int, {"regex": "a"}, f"{MATCHED} str | int"),
    "regex of list": (list[str], {"regex": "a"}, f"{MATCHED} list[str]"),
    "regex that is none": (
        str,
        {"regex": "("},
        "the regex '(' is no regular expression: missing ), unterminated subpattern at position 0",
    ),
    "regex of another type": (str, {"regex": 3}, "regex is a pattern of text, not 3"),
    "regex of bytes": (str, {"regex": re.compile(b"a")}, "regex is a pattern of text, not re.compile(b'a')"),
    "format of int": (int, {"format": "email"}, f"{MATCHED} int"),
    "format that is none": (
        str,
        {"format": "mail"},
        "there is no format 'mail'; the formats are email, url, slug, uuid, ipv4, ipv6, color",
    ),
    "format as list": (str, {"format": ["email"]}, "format is text, not ['email']"),
    "choices as text": (str, {"choices": "abc"}, "choices is a list of values, not 'abc'"),
    "choices as int": (int, {"choices": 3}, "choices is a list of values, not 3"),
    "choices empty": (int, {"choices": []}, "choices is empty"),
    "choices of another type": (str, {"choices": ["a", 1]}, "its choices do not fit: ['Not a valid string.']"),
    "choices of a list's items": (list[str], {"choices": ["a"]}, "its choices do not fit: ['Not a valid list.']"),
    "validate as int": (int, {"validate": 3}, "validate is a callable, or a list of them, not 3"),
    "validate as list of int": (int, {"validate": [3]}, "validate is a callable, or a list of them, not [3]"),
    "validate empty": (int, {"validate": []}, "validate is empty"),
    "allow_nan of int": (int, {"allow_nan": True}, "allow_nan is for float"),
    "increment of str": (str, {"increment": True}, "increment is for int"),
    "increment of optional": (int | None, {"increment": True}, "increment is for int"),
    "increment with default": (int, {"increment": True, "default": 3}, "increment and default exclude each other"),
    "required with default": (int, {"required": True, "default": 3}, "required and default exclude each other"),
    "unique and sparse": (
        str | None,
        {"unique": True, "sparse": True},
        "unique and sparse exclude each other: a unique index leaves out what has no value",
    ),
    "primary of list": (list[str], {"primary": True}, "a primary field is a scalar that is not optional"),
    "primary of optional": (str | None, {"primary": True}, "a primary field is a scalar that is not optional"),
    "primary Decimal": (Decimal, {"primary": True}, f"Decimal {HASHED}"),
    "primary pattern": (re.Pattern, {"primary": True}, f"re.Pattern {HASHED}"),
    "primary with alias": (str, {"primary": True, "alias": "y"}, "a primary field is stored as _id and has no alias"),
    "primary and private": (str, {"primary": True, "private": True}, PRIMARY),
    "primary not required": (str, {"primary": True, "required": False}, PRIMARY),
    "alias empty": (str, {"alias": ""}, "the alias '' is no name that can be stored"),
    "alias with a dot": (str, {"alias": "a.b"}, "the alias 'a.b' is no name that can be stored"),
    "alias with a dollar": (str, {"alias": "$a"}, "the alias '$a' is no name that can be stored"),
    "alias of an underscore": (str, {"alias": "_id"}, "the alias '_id' is no name that can be stored"),
    "alias with NUL": (str, {"alias": "a\0"}, "the alias 'a\\x00' is no name that can be stored"),
    "alias no utf-8": (str, {"alias": "\ud800"}, "the alias '\\ud800' is no name that can be stored"),
    "alias as int": (str, {"alias": 3}, "alias is text, not 3"),
    "unique as int": (str, {"unique": 1}, "unique is True or False, not 1"),
    "index as text": (str, {"index": "text"}, "index is True or False, not 'text'"),
    "required as text": (str, {"required": "yes"}, "required is True or False, not 'yes'"),
    "default of another type": (str, {"default": 3}, f"{DEFAULT} ['Not a valid string.']"),
    "default True of int": (int, {"default": True}, f"{DEFAULT} ['Not a valid integer.']"),
    "default None": (int, {"default": None}, f"{DEFAULT} ['Not a valid integer.']"),
    "default too long": (str, {"default": "abcd", "max_length": 3}, f"{DEFAULT} ['Longer than maximum length 3.']"),
    "default below min": (
        datetime,
        {"default": datetime(2019, 1, 1), "min": datetime(2020, 1, 1)},
        f"{DEFAULT} ['Must be greater than or equal to 2020-01-01 00:00:00+00:00.']",
    ),
    "default no choice": (str, {"default": "c", "choices": ["a"]}, f"{DEFAULT} ['Must be one of: a.']"),
    "default of list": (list[int], {"default": ["a"]}, f"{DEFAULT} {{0: ['Not a valid integer.']}}"),
    "default of embedded": (
        Line,
        {"default": {"txt": "a"}},
        f"{DEFAULT} [\"Line(): Line has no field 'txt'. Did you mean 'text'?\"]",
    ),
}


@pytest.mark.parametrize("name", WRONG_OPTIONS)
def test_an_option_that_makes_no_sense_fails_when_the_class_is_made(name: str) -> None:
    annotation, options, problem = WRONG_OPTIONS[name]
    assert problems_of(lambda: declare(annotation, field(**options))) == (f"M.x: {problem}.",)


@pytest.mark.parametrize(
    ("options", "written"),
    [
        (field(max_length=3), "x: str = quorum.field(...)"),
        (reference(), "x: Author = quorum.reference(...)"),
        (quorum.file(), "x: quorum.File = quorum.file(...)"),
    ],
)
@pytest.mark.parametrize("as_text", [False, True])
def test_options_in_the_place_of_a_type_are_told(
    options: Any, written: str, as_text: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "given", options, raising=False)
    problem = f"M.x: what {written.partition(' = ')[2].replace('...', '')} gives is no type. Write `{written}`."
    assert problems_of(lambda: declare("given" if as_text else options)) == (problem,)


@pytest.mark.parametrize("given", [{"collection": "films"}, meta(collection="films")])
def test_a_meta_in_lower_case_is_told(given: Any) -> None:
    options = "abstract, collection, indexes, revision, storage"
    problem = f"M.meta is not read. Write `class Meta:`, with the options {options} as its attributes."
    assert problems_of(lambda: declare(meta=given)) == (problem,)


def test_a_field_may_be_called_meta() -> None:
    assert declare(dict[str, int], {"a": 1}, name="meta")().meta == {"a": 1}
    assert declare(ClassVar[dict[str, int]], {"a": 1}, name="meta").meta == {"a": 1}


def test_right_options_are_kept() -> None:
    cls = declare(
        str,
        field(default="ab", min_length=1, max_length=3, regex="a", choices=iter(["ab", "abc"]), validate=iter([str])),
    )
    cls().validate()
    with pytest.raises(ValidationError):
        cls(x="abcd").validate()


@pytest.mark.parametrize(
    ("make", "problems"),
    [
        (lambda: field(maxlength=3), ["there is no option 'maxlength'; did you mean 'max_length'"]),
        (lambda: field(moment="created"), [f"there is no option 'moment'; the options are {OPTIONS}"]),
        (lambda: field(init=False), [f"there is no option 'init'; the options are {OPTIONS}"]),
        (
            lambda: reference(max_length=3, uniqe=True),
            [
                (
                    "there is no option 'max_length'; the options are "
                    "alias, default, index, private, readonly, required, unique"
                ),
                "there is no option 'uniqe'; did you mean 'unique'",
            ],
        ),
    ],
)
def test_an_unknown_option_is_refused_when_the_class_is_made(make: Callable[[], Any], problems: list[str]) -> None:
    assert problems_of(lambda: declare(str, make())) == tuple(f"M.x: {problem}." for problem in problems)


UNSTORABLE = "is no type that can be stored"
OWN_CLASS = f"{UNSTORABLE}. Use an EmbeddedModel for a class of your own"

#: An annotation, and what is said of it.
WRONG_TYPES: dict[str, tuple[Any, str]] = {
    "complex": (complex, f"complex {OWN_CLASS}"),
    "class": (types.SimpleNamespace, f"SimpleNamespace {OWN_CLASS}"),
    "bytearray": (bytearray, f"bytearray {OWN_CLASS}"),
    "None": (None, "a field that is always None makes no sense"),
    "Iterable": (Iterable[int], f"collections.abc.Iterable[int] {UNSTORABLE}"),
    "Sequence": (Sequence[int], f"collections.abc.Sequence[int] {UNSTORABLE}"),
    "Callable": (Callable[[], int], f"collections.abc.Callable[[], int] {UNSTORABLE}"),
    "type": (type[int], f"type[int] {UNSTORABLE}"),
    "NewType": (NewType("Id", int), f"{__name__}.Id {UNSTORABLE}"),
    "TypeVar": (T, f"~T {UNSTORABLE}"),
    "value": (3, f"3 {UNSTORABLE}"),
    "dict of int": (dict[int, str], "the keys of a stored dict are str"),
    "set of embedded": (set[Line], "a set holds scalars, not Line"),
    "set of list": (set[list[int]], "a set holds scalars, not list[int]"),
    "set of Any": (set[Any], "a set holds scalars, not Any"),
    "bare set": (set, "a set holds scalars, not Any"),
    "union with list": (list[int] | str, "a union is of scalars or of embedded models, not of list[int]"),
    "union with dict": (Line | dict[str, int], "a union is of scalars or of embedded models, not of dict[str, int]"),
    "union with Any": (Union[Any, int], "a union is of scalars or of embedded models, not of Any"),  # noqa: UP007
    "union of dates": (date | datetime, "date and datetime are stored alike, so a union of them cannot be told apart"),
    "union of texts": (time | str, "time and str are stored alike, so a union of them cannot be told apart"),
    "union with Enum": (Color | str, "Color and str are stored alike, so a union of them cannot be told apart"),
    "union with Literal": (
        Literal["a"] | str,
        "Literal['a'] and str are stored alike, so a union of them cannot be told apart",
    ),
    "Enum of tuples": (enum.Enum("Pair", {"A": (1, 2)}), "the values of Pair must be str or int; A is not"),
    "Enum out of range": (enum.Enum("Big", {"A": 2**63}), f"{2**63} cannot be stored: Number too large"),
    "Flag": (Access, "Access is a Flag, whose members can be combined; store an int"),
    "Literal of bytes": (Literal[b"a"], "a Literal's values must be str, int or bool; b'a' is not"),
    "Literal no utf-8": (Literal["\ud800"], "'\\ud800' cannot be stored: Not a valid utf-8 string"),
    "model": (
        Author,
        "Author is a model of its own collection. Write quorum.reference() as the value, or make it an EmbeddedModel",
    ),
    "list of model": (
        list[Author],
        "Author is a model of its own collection. Write quorum.reference() as the value, or make it an EmbeddedModel",
    ),
    "tuple with embedded": (
        tuple[int, Line],
        "documents have places in a tuple only where all of them are of one model",
    ),
    "option in Annotated": (
        Annotated[str, field(max_length=3)],
        ANNOTATED,
    ),
    "validator in Annotated": (
        Annotated[str, validate.Length(max=3)],
        ANNOTATED,
    ),
    "syntax": ("list[str", "its annotation 'list[str' cannot be read: '[' was never closed (<string>, line 1)"),
    "unknown name": (
        "Optional[int]",
        f"its annotation 'Optional[int]' cannot be read: {__name__} has no Optional",
    ),
    "attribute": (
        "quorum.nosuch",
        "its annotation 'quorum.nosuch' cannot be read: module 'quorum' has no attribute 'nosuch'",
    ),
}


@pytest.mark.parametrize("name", WRONG_TYPES)
def test_a_type_that_makes_no_sense_fails_when_the_class_is_made(name: str) -> None:
    annotation, problem = WRONG_TYPES[name]
    (found,) = problems_of(lambda: declare(annotation))
    assert found.rstrip(".") == f"M.x: {problem}"


@pytest.mark.parametrize(
    "name", ["save", "find", "collection", "Meta", "Schema", "pre_save", "post_delete", "changes", "inc", "dump", "get"]
)
def test_a_field_named_like_something_of_every_model_is_refused(name: str) -> None:
    (problem,) = problems_of(lambda: declare(str, name=name))
    assert problem == (
        f"M.{name}: every model has something of the name {name!r}. Choose another name, and `alias={name!r}` to store "
        "it under this one."
    )
    cls = declare(str, field(alias=name), name="other")
    assert cls(other="a").changes()["$set"][name] == "a"


def test_fields_that_are_declared_by_one_object_keep_to_their_own_types() -> None:
    few = quorum.field(min=1, max=9, choices=[1, 2, 3], default=1)

    class Score(quorum.EmbeddedModel):
        whole: int = few
        part: float = few

    made = Score()
    assert [type(value) for value in (made.whole, made.part)] == [int, float]
    with pytest.raises(ValidationError) as caught:
        Score(whole=0, part=0.0).validate()
    limits = "Must be greater than or equal to {0} and less than or equal to {1}."
    assert caught.value.messages == {
        "whole": [limits.format(1, 9), "Must be one of: 1, 2, 3."],
        "part": [limits.format(1.0, 9.0), "Must be one of: 1.0, 2.0, 3.0."],
    }


def test_an_underscore_or_an_id_is_no_name_of_a_field() -> None:
    assert problems_of(lambda: declare(str, name="_x")) == ("M._x: a field's name does not start with an underscore.",)
    assert problems_of(lambda: declare(str, name="id")) == (
        "M.id: the id of a model is its primary field. Write quorum.field(primary=True).",
    )
    assert declare(str, field(primary=True), name="id")(id="a").id == "a"


def test_every_problem_of_a_body_is_told_at_once() -> None:
    body = {
        "__annotations__": {"a": complex, "b": str, "c": str, "d": str, "e": int},
        "b": field(max_length="3", alias=4),
        "d": field(alias="c"),
        "e": field(regex="a", increment=True, default=1),
        "f": field(),
    }
    assert problems_of(lambda: type("M", (Model,), body)) == (
        "M.f has no annotation. Write its type: `f: str = ...`.",
        f"M.a: complex {OWN_CLASS}.",
        "M.b: max_length is a whole number, not '3'.",
        "M.b: alias is text, not 4.",
        "M.e: regex and format are for str, not for int.",
        "M.e: increment and default exclude each other.",
        "M.d and .c are both stored as 'c'.",
    )


def test_two_fields_cannot_be_stored_under_one_name() -> None:
    abstract = declare(str, field(alias="k"), name="a", Meta=meta(abstract=True))
    assert problems_of(lambda: declare(str, name="k", base=abstract)) == ("M.k and .a are both stored as 'k'.",)
    body = {"__annotations__": {"a": str, "b": str}, "a": field(primary=True), "b": field(primary=True)}
    assert problems_of(lambda: type("M", (Model,), body)) == ("M.b and .a are both stored as '_id'.",)


def test_what_is_for_models_is_refused_in_an_embedded_model() -> None:
    for annotation, option in ((str, "primary"), (int, "increment")):
        problems = problems_of(lambda: declare(annotation, field(**{option: True}), base=EmbeddedModel))  # noqa: B023
        assert problems == (f"M.x: {option} is for models, not embedded ones.",)
    problems = problems_of(lambda: declare(base=EmbeddedModel, Meta=meta(collection="a")))
    assert problems == ("M.Meta has no option 'collection'. Its options are: abstract.",)
    assert problems_of(lambda: type("M", (Author, Line), {})) == ("M cannot be a Model and an EmbeddedModel at once.",)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            meta(colection="a"),
            "M.Meta has no option 'colection'. Its options are: abstract, collection, indexes, revision, storage.",
        ),
        (meta(collection=3), "M.Meta.collection cannot be 3."),
        (meta(collection=""), "M.Meta.collection cannot be ''."),
        (meta(collection="a$b"), "M.Meta.collection cannot be 'a$b'."),
        (meta(collection="a..b"), "M.Meta.collection cannot be 'a..b'."),
        (meta(collection=".a"), "M.Meta.collection cannot be '.a'."),
        (meta(collection="system.users"), "M.Meta.collection cannot be 'system.users'."),
        (meta(abstract="yes"), "M.Meta.abstract cannot be 'yes'."),
        (meta(revision=1), "M.Meta.revision cannot be 1."),
        (meta(indexes="title"), "M.Meta.indexes cannot be 'title'."),
        ({"revision": True}, "M.Meta is a class, `class Meta: ...`, not {'revision': True}."),
    ],
)
def test_a_meta_that_makes_no_sense_is_refused(given: Any, problem: str) -> None:
    assert problems_of(lambda: declare(Meta=given)) == (problem,)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("nope", "nope"),
        (("x", "-nope"), "nope"),
        ((3,), "not 3"),
        ((), "without fields"),
        ({"fields": ["x"], "uniqe": True}, "uniqe"),
    ],
)
def test_an_index_that_makes_no_sense_fails_at_load(
    load: Callable[..., None], mock_url: str, entry: Any, problem: str
) -> None:
    cls = declare(Meta=meta(indexes=[entry]))
    (found,) = problems_of(lambda: load(mock_url, cls))
    assert found.startswith("M.Meta.indexes")
    assert problem in found


def test_validates_names_fields_that_exist() -> None:
    def check(document: Any, value: Any) -> None: ...

    problem = "M.check validates 'xx'. M has no field 'xx'. Did you mean 'x'?"
    assert problems_of(lambda: declare(check=quorum.validates("xx")(check))) == (problem,)
    for names in ((), (check,)):
        with pytest.raises(TypeError, match=r'@quorum\.validates\("title"\)'):
            quorum.validates(*names)  # type: ignore[arg-type]


# References and names.


def test_a_reference_is_to_a_model() -> None:
    assert problems_of(lambda: declare(str, reference())) == ("M.x: reference() is for a model, or a list of one.",)
    assert problems_of(lambda: declare(set[Author], reference())) == (
        "M.x: a set holds scalars, not a reference to Author.",
    )
    assert problems_of(lambda: declare(Author | int, reference())) == (
        "M.x: a union is of scalars or of embedded models, not of a reference to Author.",
    )
    assert problems_of(lambda: declare(tuple[int, Author], reference())) == (
        "M.x: documents have places in a tuple only where all of them are of one model.",
    )


@pytest.mark.parametrize(
    ("annotation", "value", "problem"),
    [
        ("Nobody", reference(), "M.x refers to 'Nobody', and no model of that name exists. "),
        ("list[Nobody]", ..., "M.x refers to 'Nobody', and no model of that name exists. "),
        ("dict[str, Nobody | None]", ..., "M.x refers to 'Nobody', and no model of that name exists. "),
        (Line, reference(), "M.x: Line does not fit; an EmbeddedModel needs no quorum.reference()."),
        ("Line", reference(), "M.x: Line does not fit; an EmbeddedModel needs no quorum.reference()."),
        (Author, reference(), "M.x refers to Author, which is not among the models of load(models=...). Add it there."),
        ("Author", reference(), "M.x refers to Author, which is not among the models of load(models=...)."),
        (
            "list[Author | None]",
            reference(),
            "M.x refers to Author, which is not among the models of load(models=...).",
        ),
    ],
)
def test_a_reference_to_nothing_fails_at_load(
    load: Callable[..., None], mock_url: str, annotation: Any, value: Any, problem: str
) -> None:
    cls = declare(annotation, value)
    (found,) = problems_of(lambda: load(mock_url, cls))
    assert found.startswith(problem)
    assert quorum.APP is None


def test_a_reference_inside_an_embedded_document_is_checked_at_load(load: Callable[..., None], mock_url: str) -> None:
    inner = type("Inner", (EmbeddedModel,), {"__annotations__": {"by": Author}, "by": reference()})
    assert problems_of(lambda: load(mock_url, declare(list[inner]))) == (
        "Inner.by refers to Author, which is not among the models of load(models=...). Add it there.",
    )


def test_every_problem_of_the_models_is_told_at_load(load: Callable[..., None], mock_url: str) -> None:
    one = declare("Nobody", reference())
    other = type("N", (Model,), {"__annotations__": {"y": Author}, "y": reference(), "Meta": meta(collection="same")})
    third = type("P", (Model,), {"__annotations__": {"z": str}, "Meta": meta(collection="same")})
    problems = problems_of(lambda: load(mock_url, one, other, third))
    assert [problem.split()[0] for problem in problems] == ["M.x", "N.y", "N"]
    assert problems[2] == (
        "N and P both use the collection 'same'. Give one of them another name with Meta.collection."
    )


def test_a_class_outside_of_models_is_refused_when_used(load: Callable[..., None], mock_url: str) -> None:
    load(mock_url, Author)
    cls = declare()
    for use in (
        lambda: cls(x="a").save(),
        lambda: list(cls.find()),
        lambda: cls.get(ObjectId()),
        lambda: cls.collection,
    ):
        assert problems_of(use) == ("M is not among the models of this app. Add it to load(models=...).",)


def test_an_ambiguous_name_is_refused(load: Callable[..., None], mock_url: str) -> None:
    kept = [
        type("Twin", (Model,), {"__annotations__": {"a": str}, "__module__": module})
        for module in ("shop.stock", "shop.sales")
    ]
    cls = declare("Twin", reference())
    assert problems_of(lambda: load(mock_url, cls, *kept[:1])) == (
        "M.x refers to 'Twin', which exists in shop.sales, shop.stock. Write the class instead of its name.",
    )


def test_two_subclasses_of_one_name_are_refused() -> None:
    base = declare()
    kept = type("Sub", (base,), {"__module__": "shop.stock"})
    again = type("Sub", (base,), {"__module__": "shop.stock"})
    (problem,) = problems_of(lambda: type("Sub", (base,), {"__module__": "shop.sales"}))
    assert problem == (
        "shop.sales.Sub and shop.stock.Sub share the collection of M, in which 'Sub' means one of them. Rename one."
    )
    assert kept is not again


def test_the_bases_themselves_make_no_documents() -> None:
    for cls in (Model, EmbeddedModel):
        with pytest.raises(TypeError, match=f"{cls.__name__} is for subclassing"):
            cls()


def test_an_unknown_name_is_refused_in_the_place_of_one_that_may_be_missing() -> None:
    class Stamped(quorum.Timestamped, Model):
        text: str

    with pytest.raises(TypeError, match=r"Stamped has no field 'other'"):
        Stamped(text="a", other=1, another=2)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"Author has no field 'other'"):
        Author(name="a", other=1)  # type: ignore[call-arg]


def test_an_unknown_name_is_refused_and_the_right_one_named() -> None:
    with pytest.raises(TypeError, match=r"^Author\(\): Author has no field 'nmae'\. Did you mean 'name'\?$"):
        Author(nmae="a")  # type: ignore[call-arg]
    author = Author(name="a")
    for name in ("nmae", "save"):
        with pytest.raises(AttributeError, match=f"Author has no field {name!r}"):
            setattr(author, name, "b")
    with pytest.raises(AttributeError, match="'Author' object has no attribute 'nmae'"):
        author.nmae  # type: ignore[attr-defined] # noqa: B018
    with pytest.raises(AttributeError, match=r"Author\.name cannot be deleted"):
        del author.name
    with pytest.raises(TypeError):
        Author("a")  # type: ignore[misc]
