"""`new()` and `apply()`: documents from forms and from JSON, by an allow-list of names (I1, I3)."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from bson import ObjectId
from library import MODELS, Author, Book, Color, Details, Film, Play, Review
from werkzeug.datastructures import CombinedMultiDict, ImmutableMultiDict, MultiDict

import quorum
from quorum.models import inputs

pytestmark = pytest.mark.promise("I3")

UID = UUID("12345678-1234-5678-1234-567812345678")
OID = ObjectId("507f1f77bcf86cd799439011")


class Member(quorum.Model, quorum.Timestamped):
    name: str = quorum.field(max_length=8)
    email: str = quorum.field(format="email", default="a@example.com")
    news: bool = False
    age: int | None = quorum.field(min=0, max=150, default=None)
    tags: list[str] = quorum.field(max_length=3, default=[])
    role: str = quorum.field(readonly=True, default="guest")
    hash: str = quorum.field(private=True, default="hush")
    number: int = quorum.field(increment=True)
    shown: str | None = quorum.field(alias="display", default=None)

    @quorum.validates("name")
    def _is_no_name_of_ours(self, name: str) -> None:
        if name == "admin":
            raise quorum.ValidationError("Taken by us.")


class Word(quorum.Model):
    text: str = quorum.field(primary=True)
    meaning: str = ""


@pytest.fixture(autouse=True)
def _loaded(mock_url: str, load: Callable[..., None]) -> None:
    load(mock_url, *MODELS, Member, Word)


def problems(call: Callable[[], Any]) -> dict[str, Any]:
    with pytest.raises(quorum.ValidationError) as caught:
        call()
    assert isinstance(caught.value.messages, dict)
    return caught.value.messages


# Casts: a field, what a form sends, what JSON sends, and what it means.

CASTS: list[tuple[str, str | None, Any, Any]] = [
    ("title", "x", "x", "x"),
    ("title", " x ", " x ", " x "),
    ("title", "", "", ""),
    ("title", "5", "5", "5"),
    ("number", "5", 5, 5),
    ("number", "-5", -5, -5),
    ("number", " 5 ", "5", 5),
    ("number", "9223372036854775807", 2**63 - 1, 2**63 - 1),
    ("rating", "2.5", 2.5, 2.5),
    ("rating", "3", 3, 3.0),
    ("rating", "1e3", "1e3", 1000.0),
    ("price", "1.10", "1.10", Decimal("1.10")),
    ("price", "3", 3, Decimal(3)),
    ("price", "1.1", 1.1, Decimal("1.1")),
    ("good", "on", True, True),
    ("good", "true", "true", True),
    ("good", "1", "1", True),
    ("good", "off", False, False),
    ("good", "no", "0", False),
    ("blob", "AP8=", "AP8=", b"\x00\xff"),
    ("at", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z", datetime(2024, 2, 29, 12, tzinfo=UTC)),
    ("at", "2024-02-29T12:00", "2024-02-29T13:00+01:00", datetime(2024, 2, 29, 12, tzinfo=UTC)),
    ("day", "2024-02-29", "2024-02-29", date(2024, 2, 29)),
    ("hour", "12:30", "12:30:00", time(12, 30)),
    ("uid", str(UID), str(UID), UID),
    ("oid", str(OID), str(OID), OID),
    ("color", "red", "red", Color.RED),
    ("kind", "essay", "essay", "essay"),
    ("year", "1999", 1999, 1999),
    ("year", "1999?", "1999?", "1999?"),
    ("anything", "5", "5", "5"),
    ("anything", None, {"a": [1, None, {"b": 2.5}]}, {"a": [1, None, {"b": 2.5}]}),
    ("size", None, ["5", "cm"], (5, "cm")),
    ("scores", None, ["1", 2, 2], {1, 2}),
    ("meta", None, {"$a": {"b.c": 1}}, {"$a": {"b.c": 1}}),
    ("counts", None, {"a": "5", "b": 6}, {"a": 5, "b": 6}),
    ("items", None, [{"a": 1}, {}], [{"a": 1}, {}]),
    ("details", None, {"pages": "5", "code": "x"}, Details(pages=5, code="x")),
    ("made_into", None, {"_type": "Play", "acts": 5}, Play(acts=5)),
    ("made_into", None, {"_type": "Film", "minutes": "90"}, Film(minutes=90)),
]


@pytest.mark.promise("I1")
@pytest.mark.parametrize(("name", "text", "value", "meant"), CASTS, ids=lambda value: repr(value)[:30])
def test_each_value_is_cast_by_its_field(name: str, text: str | None, value: Any, meant: Any) -> None:
    sources = [{name: value}] if text is None else [{name: value}, MultiDict({name: text}), {name: text}]
    for source in sources:
        made = getattr(Book.new(copy.deepcopy(source)), name)
        assert (type(made), made) == (type(meant), meant)
        assert getattr(Book().apply(copy.deepcopy(source)), name) == meant
        saved = Book.new(copy.deepcopy(source)).save()
        assert getattr(Book.get(saved.id), name) == meant


WRONG: list[tuple[str, list[Any]]] = [
    ("title", [5, 5.0, True, b"x", ["x"], {"$gt": ""}, "\ud800", "x" * 201]),
    ("number", ["", "x", "5.0", "1_0", "\u0661", "0x1", "9223372036854775808", 3.0, 3.7, True, 2**63, [5], {"$gt": 0}]),
    ("rating", ["x", "nan", "inf", "1e999", float("nan"), float("inf"), True, [1.5], {"$gt": 0}]),
    ("price", ["x", "NaN", "Infinity", "1e7000", True, "1" * 35, [1], {"$gt": 0}]),
    ("good", ["maybe", "2", 1, 0, "\u0661", [True], {"$ne": False}]),
    ("blob", ["not base64!", 5, ["AP8="]]),
    ("at", ["x", "2024-02-30", "2024-13-01T00:00", 5, 1e9, "0001-01-01T00:00+23:59", ["2024-02-29"]]),
    ("day", ["x", "2024-02-30", 5]),
    ("hour", ["x", "25:00", 5]),
    ("uid", ["x", 5, {"$ne": None}]),
    ("oid", ["x", 5, b"123456789012", "g" * 24, {"$oid": str(OID)}]),
    ("pattern", [".*", {"$regex": ".*"}]),
    ("color", ["green", "RED", 5, ["red"]]),
    ("kind", ["poem", 5, True]),
    ("year", [1.5, True, [1999], {"$gt": 0}]),
    ("anything", [float("nan"), 2**63, "\ud800", {"": 1}, {"a\0": 1}, [[2**63]]]),
    ("tags", ["x", {"0": "x"}, [5], [None], [["x"]], [{"$gt": ""}]]),
    ("scores", ["x", 5, [1.5], [True], ["x"]]),
    ("size", [[5], [5, "x", 1], ["x", "x"], "5", {"0": 5}]),
    ("meta", ["x", [], [["a", 1]], {"": 1}]),
    ("counts", ["x", {"a": "x"}, {"a": 1.5}, {"": 1}]),
    ("items", [{}, ["x"], [[]]]),
    ("details", ["x", 5, [], {"pages": "x"}, {"unknown": 1}, {"secret": "x"}, {"_type": "Details"}]),
    ("reviews", ["x", {}, [{}], [{"text": 5}], [{"text": "x", "by": "x"}], [{"text": "x", "replies": [{}]}]]),
    ("made_into", [{}, {"minutes": 5}, {"_type": "Book"}, {"_type": ["Film"]}, {"_type": "Film"}, "Film"]),
    ("author", ["x", 5, {"$ne": None}, {"name": "Ann"}, ["x"]]),
    ("others", ["x", [None], [{"name": "Ann"}], [5]]),
]


@pytest.mark.promise("I1")
@pytest.mark.parametrize(("name", "values"), WRONG)
def test_a_value_of_another_type_is_refused(name: str, values: list[Any]) -> None:
    for value in values:
        if isinstance(value, str) and value == "":
            continue
        assert list(problems(lambda: Book.new({name: value}))) == [name]  # noqa: B023
        assert list(problems(lambda: Book().apply({name: value}))) == [name]  # noqa: B023


@pytest.mark.parametrize("data", [None, 5, "title=x", b"", [], [("title", "x")], {"title"}, True, object()])
def test_data_is_a_form_or_an_object(data: Any) -> None:
    assert problems(lambda: Book.new(data)) == {"_schema": ["Invalid input type."]}
    assert problems(lambda: Book().apply(data)) == {"_schema": ["Invalid input type."]}


# Forms.


@pytest.mark.parametrize("form", [MultiDict, ImmutableMultiDict, lambda pairs: CombinedMultiDict([MultiDict(pairs)])])
def test_repeated_keys_fill_lists(form: Callable[[Any], Any]) -> None:
    ann, bob = Author(name="Ann").save(), Author(name="Bob").save()
    pairs = [("tags", "a"), ("tags", "b"), ("scores", "2"), ("scores", "1"), ("size", "5"), ("size", "cm")]
    pairs += [("others", str(ann.id)), ("others", str(bob.id)), ("title", "first"), ("title", "second")]
    book = Book.new(form(pairs))
    assert (book.tags, book.scores, book.size, book.others) == (["a", "b"], {1, 2}, (5, "cm"), [ann, bob])
    assert book.title == "first"
    assert Book.new(form([("tags", "one")])).tags == ["one"]


def test_an_empty_input_of_a_list_adds_nothing() -> None:
    assert Book.new(MultiDict([("tags", "")])).tags == []
    assert Book.new(MultiDict([("tags", "a"), ("tags", ""), ("tags", "b")])).tags == ["a", "b"]


def test_an_empty_input_means_none_where_that_is_allowed() -> None:
    form = MultiDict({"number": "", "at": "", "author": "", "color": "", "isbn": "", "title": ""})
    book = Book(number=5, author=Author(name="Ann").save(), color=Color.RED, isbn="x", title="x").apply(form)
    assert (book.number, book.at, book.author, book.color, book.isbn, book.title) == (None, None, None, None, None, "")
    assert list(problems(lambda: Member.new(MultiDict({"name": "x", "news": ""})))) == ["news"]


def test_an_empty_text_of_json_stays_one() -> None:
    assert Book.new({"isbn": ""}).isbn == ""
    assert list(problems(lambda: Book.new({"number": ""}))) == ["number"]


def test_a_checkbox_is_true_where_it_is_sent() -> None:
    assert Member.new(MultiDict({"name": "x", "news": "on"})).news is True
    assert Member.new(MultiDict({"name": "x"})).news is False


def test_a_form_may_carry_more_than_the_model_has() -> None:
    form = MultiDict(
        {"title": "x", "csrf_token": "abc", "submit": "Save", "$where": "1", "tags[]": "a", "__class__": "x"}
    )
    assert vars(Book.new(form)).keys() == vars(Book()).keys()
    assert Book.new(form).title == "x"
    assert Book().apply(form).title == "x"


# Names.


@pytest.mark.parametrize("name", ["role", "hash", "id", "_id", "number", "created_at", "updated_at"])
@pytest.mark.parametrize("source", [dict, MultiDict])
def test_what_is_not_writable_is_refused_by_name(name: str, source: Callable[[Any], Any]) -> None:
    for value in ("x", None, 5):
        data = source({"name": "x", name: value})
        assert list(problems(lambda: Member.new(data))) == [name]  # noqa: B023
        member = Member(name="Ann").save()
        assert list(problems(lambda: member.apply(data))) == [name]  # noqa: B023
        assert (member.name, member.changes()) == ("Ann", {})


def test_a_private_name_is_refused_as_if_it_did_not_exist() -> None:
    found = problems(lambda: Member.new({"name": "x", "hash": "x", "nothing": "x"}))
    assert found["hash"] == found["nothing"]


@pytest.mark.parametrize("name", ["text", "id", "_id"])
def test_the_primary_field_is_not_written(name: str) -> None:
    assert list(problems(lambda: Word.new({"meaning": "x", name: "x"}))) == [name]
    word = Word.new({"meaning": "x"}, text="word").save()
    assert list(problems(lambda: word.apply({name: "x"}))) == [name]


@pytest.mark.parametrize(
    "name",
    ["nothing", "display", "$where", "$set", "", "tags.0", "details.pages", "_type", "_revision", "__class__", "_doc",
     "__dict__", "save", "cls", "self", "data", "name ", "Name", "na\0me", "\ud800", "x" * 1000],
)  # fmt: skip
def test_an_unknown_name_is_refused_in_json(name: str) -> None:
    found = problems(lambda: Member.new({"name": "x", name: "x"}))
    assert found == {name[:100]: ["Unknown field."]}
    json.dumps(found)


@pytest.mark.parametrize("name", [None, 5, True, ("name",), b"name"])
def test_a_name_is_text(name: Any) -> None:
    assert list(problems(lambda: Member.new({"name": "x", name: "x"}))) == [str(name)]


def test_a_view_can_allow_fewer_names() -> None:
    data = {"name": "x", "age": 5, "tags": ["a"]}
    assert problems(lambda: Member.new(data, ["name"])) == {"age": ["Unknown field."], "tags": ["Unknown field."]}
    form = MultiDict({"name": "x", "age": "5", "csrf_token": "abc"})
    assert (Member.new(form, ["name"]).name, Member.new(form, ["name"]).age) == ("x", None)
    member = Member(name="Ann", age=7).save()
    assert list(problems(lambda: member.apply(data, ["name", "age"]))) == ["tags"]
    assert member.apply(form, ["age"]).changes() == {"$set": {"age": 5}}
    assert list(problems(lambda: Member.new({"role": "admin"}, ["name"]))) == ["role", "name"]
    for names in (["role"], ["hash"], ["nothing"], "name", ["id"]):
        with pytest.raises(TypeError, match="names what no outside data may set"):
            Member.new(data, names)


# All problems at once, and nothing set.


def test_all_problems_come_at_once() -> None:
    data = {"name": 5, "email": "x", "age": 200, "tags": ["a", 5], "role": "admin", "nothing": 1, "news": "maybe"}
    found = problems(lambda: Member.new(data))
    assert found == {
        "name": ["Not a valid string."],
        "email": ["Not a valid email address."],
        "age": ["Must be greater than or equal to 0 and less than or equal to 150."],
        "tags": {1: ["Not a valid string."]},
        "role": ["Read-only field."],
        "nothing": ["Unknown field."],
        "news": ["Not a valid boolean."],
    }
    assert problems(lambda: Member.new({"age": "x"})) == {
        "age": ["Not a valid integer."],
        "name": ["Missing data for required field."],
    }


def test_problems_inside_of_documents_are_nested() -> None:
    found = problems(
        lambda: Book.new(
            {
                "reviews": [{"text": "x"}, {"stars": "x", "replies": [{"text": 5, "secret": 1}], "z": 1}],
                "details": {"x": 1},
            }
        )
    )
    assert found == {
        "reviews": {
            1: {
                "text": ["Missing data for required field."],
                "stars": ["Not a valid integer."],
                "replies": {0: {"text": ["Not a valid string."], "secret": ["Unknown field."]}},
                "z": ["Unknown field."],
            }
        },
        "details": {"x": ["Unknown field."]},
    }


@pytest.mark.parametrize("stored", [False, True])
def test_apply_sets_nothing_where_anything_is_wrong(stored: bool) -> None:
    member = Member(name="Ann", tags=["a"])
    if stored:
        member.save()
    before = member.dump()
    for data, trusted in [
        ({"name": "Bob", "age": "x"}, {}),
        ({"name": "Bob", "nothing": 1}, {}),
        ({"name": "Bob", "role": "admin"}, {}),
        ({"tags": ["b"], "name": "x" * 9}, {}),
        ({"name": "Bob"}, {"age": "x"}),
        ({"tags": ["b"], "age": 6, "name": "admin"}, {}),
    ]:
        problems(lambda: member.apply(data, **trusted))  # noqa: B023
        assert member.dump() == before
    with pytest.raises(TypeError, match="has no field 'nothing'"):
        member.apply({"name": "Bob"}, nothing=1)
    assert member.dump() == before
    assert not stored or member.changes() == {}


def test_apply_sets_what_is_given_and_leaves_the_rest() -> None:
    member = Member(name="Ann", age=5, tags=["a"]).save()
    member.apply({"age": "6"})
    assert member.changes() == {"$set": {"age": 6}}
    member.save()
    assert Member.get(member.id).dump() == member.dump()
    assert (member.name, member.tags, member.role) == ("Ann", ["a"], "guest")


def test_what_is_missing_is_told_when_it_is_saved() -> None:
    member = Member.new({"age": 5})
    assert problems(member.save) == {"name": ["Missing data for required field."]}


def test_null_is_refused_where_none_is_not_allowed() -> None:
    assert problems(lambda: Member.new({"name": None, "age": None, "news": None})) == {
        "name": ["Field may not be null."],
        "news": ["Field may not be null."],
    }


# Trusted values.


def test_trusted_values_win() -> None:
    member = Member.new({"name": "x", "role": "admin", "hash": "x", "age": "wrong"}, role="boss", hash="h", age=5)
    assert (member.name, member.role, member.hash, member.age) == ("x", "boss", "h", 5)
    member.apply({"name": "y", "role": "admin"}, role="chief")
    assert (member.name, member.role) == ("y", "chief")


def test_trusted_values_are_not_cast() -> None:
    assert list(problems(lambda: Member.new({"name": "x"}, age="5"))) == ["age"]


@pytest.mark.parametrize("data", [{"name": "x"}, {"name": 5}, {}])
def test_an_unknown_trusted_name_is_a_developers_error_whatever_the_data_are(data: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="has no field 'nothing'"):
        Word.new(data, nothing=1)


class Odd(quorum.Model):
    data: str = ""
    cls: str = ""
    self: str = ""


def test_fields_can_have_any_name(mock_url: str, load: Callable[..., None]) -> None:
    quorum.unload()
    load(mock_url, Odd)
    odd = Odd.new({"data": "1"}, cls="2", self="3").save()
    assert odd.apply({}, data="4", self="5").dump() == {"id": str(odd.id), "data": "4", "cls": "2", "self": "5"}
    assert Odd(self="x", cls="y").cls == "y"
    assert Odd.get(cls="2", self="3") == Odd.find(cls="2").find(self="3").first() == odd


# Documents inside of documents.


def test_embedded_documents_come_from_json() -> None:
    ann = Author(name="Ann").save()
    data = json.loads(
        json.dumps(
            {
                "title": "x",
                "details": {"pages": 5, "code": "c"},
                "reviews": [{"text": "t", "stars": "3", "by": str(ann.id), "replies": [{"text": "r"}]}],
            }
        )
    )
    book = Book.get(Book.new(data).save().id)
    assert book.details == Details(pages=5, code="c")
    assert (book.reviews[0].text, book.reviews[0].stars, book.reviews[0].by) == ("t", 3, ann)
    assert book.reviews[0].replies[0].text == "r"
    assert book.reviews[0].replies[0].secret == "a private value"


def test_embedded_documents_are_as_deep_as_a_server_takes() -> None:
    def nested(depth: int) -> dict[str, Any]:
        review: dict[str, Any] = {"text": "x"}
        for _ in range(depth):
            review = {"text": "x", "replies": [review]}
        return {"reviews": [review]}

    assert len(Book.get(Book.new(nested(35)).save().id).reviews) == 1
    for depth in (50, 500, 900):
        found = problems(lambda: Book.new(nested(depth)))  # noqa: B023
        assert "documents deep" in json.dumps(found)


def test_the_data_of_the_caller_can_be_used_again() -> None:
    data = {"tags": ["a"], "details": {"pages": "5"}, "counts": {"a": "5"}}
    before = copy.deepcopy(data)
    Book.new(data).tags.append("b")
    assert data == before


def test_review_is_made_of_any_mapping() -> None:
    assert Review(text="x") == Book.new({"reviews": [ImmutableMultiDict({"text": "x"})]}).reviews[0]


@pytest.mark.parametrize("data", [MultiDict({"name": "ann", "age": "5"}), {"name": "ann"}])
def test_a_view_can_say_which_fields_its_data_may_set(data: Any) -> None:
    member = Member.new(data, ("name",))
    assert (member.name, member.age) == ("ann", None)


def test_a_name_that_a_view_does_not_allow_is_as_good_as_unknown() -> None:
    member = Member(name="ann")
    with pytest.raises(quorum.ValidationError) as caught:
        member.apply({"name": "bob", "age": 5}, ("name",))
    assert caught.value.messages == {"age": ["Unknown field."]}
    assert member.name == "ann"


def test_a_view_cannot_allow_what_is_never_written_from_outside() -> None:
    with pytest.raises(TypeError, match="role"):
        Member.new({"name": "ann"}, ("name", "role"))


def test_the_methods_that_validate_a_field_judge_what_comes_from_outside() -> None:
    with pytest.raises(quorum.ValidationError) as caught:
        Member.new({"name": "admin"})
    assert caught.value.messages == {"name": ["Taken by us."]}
    member = Member(name="ann")
    with pytest.raises(quorum.ValidationError):
        member.apply({"name": "admin", "age": 5})
    assert (member.name, member.age) == ("ann", None)


def test_a_required_field_that_is_missing_is_told_beside_what_is_wrong() -> None:
    with pytest.raises(quorum.ValidationError) as caught:
        Member.new({"age": "x"})
    assert caught.value.messages == {
        "age": ["Not a valid integer."],
        "name": ["Missing data for required field."],
    }


@pytest.mark.parametrize(("data", "news", "tags"), [({}, False, []), ({"news": "on", "tags": "x"}, True, ["x"])])
def test_a_box_that_is_not_ticked_is_false_where_the_form_is_said_to_have_it(
    data: dict[str, str], news: bool, tags: list[str]
) -> None:
    member = Member(name="ann", news=True, tags=["a", "b"])
    member.apply(MultiDict(data), ("news", "tags"))
    assert (member.name, member.news, member.tags) == ("ann", news, tags)


class Profile(quorum.EmbeddedModel):
    name: str = ""
    token: str = quorum.field(private=True, default="none")
    level: int = quorum.field(readonly=True, default=0)
    inner: Profile | None = None


class Account(quorum.Model):
    profile: Profile | None = None


def test_outside_data_for_an_embedded_document_leave_what_they_cannot_set(
    mock_url: str, load: Callable[..., None]
) -> None:
    load(mock_url, Account)
    kept = {"token": "t", "level": 3, "unknown": "u"}
    Account.collection.insert_one({"profile": {"name": "a", **kept, "inner": {"name": "b", **kept}}})
    account = Account.find()[0]
    account.apply({"profile": {"name": "c", "inner": {"name": "d"}}})
    assert account.changes() == {"$set": {"profile.name": "c", "profile.inner.name": "d"}}
    account.save()
    (stored,) = Account.collection.find({}, {"_id": 0})
    assert stored == {"profile": {"name": "c", **kept, "inner": {"name": "d", **kept}}}


@pytest.mark.parametrize(("text", "value"), [("2134", 2134), ("02134", "02134"), ("-5", -5), ("+5", "+5"), ("a", "a")])
def test_text_for_a_union_with_text_is_a_number_only_where_nothing_is_lost(text: str, value: Any) -> None:
    assert inputs.read(Code, MultiDict({"code": text}), {}) == {"code": value}


class Code(quorum.Model):
    code: int | str = ""


class Shop(quorum.Model):
    name: str


class Item(quorum.Model):
    shop: Shop | None = quorum.reference(default=None)
    shops: list[Shop] = quorum.reference(default=[])


def test_a_reference_from_outside_must_lead_to_a_document(mock_url: str, load: Callable[..., None]) -> None:
    load(mock_url, Shop, Item)
    shop = Shop(name="a").save()
    data = {"shop": str(OID), "shops": [str(shop.id), str(ObjectId())]}
    messages = {"shop": ["There is no such Shop."], "shops": ["There is no such Shop."]}
    assert problems(lambda: Item.new(data)) == messages
    item = Item()
    assert problems(lambda: item.apply(data)) == messages
    assert item.shop is None
    assert Item.new({"shop": str(shop.id), "shops": [str(shop.id)]}).save().shops[0].name == "a"


def test_references_that_lead_nowhere_are_told_beside_other_problems(mock_url: str, load: Callable[..., None]) -> None:
    load(mock_url, Shop, Item)
    data = {"shop": str(OID), "shops": 5}
    messages = {"shop": ["There is no such Shop."], "shops": ["Not a valid list."]}
    assert problems(lambda: Item.new(data)) == messages
    assert problems(lambda: Item().apply(data)) == messages
    assert problems(lambda: Item.new({"shop": str(OID)}, shops=5)) == messages
    assert problems(lambda: Item().apply({"shop": str(OID)}, shops=5)) == messages


class Sold(quorum.EmbeddedModel):
    shop: Shop = quorum.reference()
    count: int = 1

    @quorum.validates("count")
    def check(self, value: int) -> None:
        self._last = self.shop.name, value


class Order(quorum.Model):
    title: str
    shop: Shop | None = quorum.reference(default=None)
    sold: list[Sold] = []

    @quorum.validates("title")
    def check(self, value: str) -> None:
        if self.shop is not None and self.shop.name == value:
            raise quorum.ValidationError("Is a shop.")


def test_a_rule_may_read_a_reference_from_outside_that_leads_nowhere(mock_url: str, load: Callable[..., None]) -> None:
    load(mock_url, Shop, Order)
    lost = ["There is no such Shop."]
    order = Order(title="a")
    for use in (Order.new, order.apply):
        assert problems(lambda: use({"title": "a", "shop": str(OID)})) == {"shop": lost}  # noqa: B023
        sold = {"title": "a", "sold": [{"shop": str(OID)}]}
        assert problems(lambda: use(sold)) == {"sold": {0: {"shop": lost}}}  # noqa: B023
    assert problems(lambda: Sold.new({"shop": str(OID)})) == {"shop": lost}
    shop = Shop(name="a").save()
    assert problems(lambda: Order.new({"title": "a", "shop": str(shop.id)})) == {"title": ["Is a shop."]}
    assert Order.new({"title": "b", "sold": [{"shop": str(shop.id)}]}).sold[0].shop.name == "a"


def test_items_with_closed_fields_are_not_replaced_from_outside(mock_url: str, load: Callable[..., None]) -> None:
    class Listed(quorum.Model):
        profiles: list[Profile] = []
        by_name: dict[str, Profile] = {}

    load(mock_url, Listed)
    kept = {"token": "t", "level": 3}
    Listed.collection.insert_one({"profiles": [{"name": "a", **kept}], "by_name": {"k": {"name": "a", **kept}}})
    listed = Listed.find()[0]
    assert list(problems(lambda: listed.apply({"profiles": [{"name": "b"}]}))) == ["profiles"]
    listed.apply({"profiles": [{"name": "a"}], "by_name": {"k": {"name": "b"}}})
    assert listed.changes() == {"$set": {"by_name.k.name": "b"}}


def test_an_embedded_document_is_made_of_outside_data_as_a_whole() -> None:
    assert Profile.new(MultiDict({"name": "a", "csrf_token": "x"})).name == "a"
    assert problems(lambda: Profile.new({"token": "t"})) == {"token": ["Unknown field."]}


def test_a_union_tells_each_message_once() -> None:
    class Priced(quorum.Model):
        price: Decimal | float | None = None

    for make in (lambda: Priced(price="x"), lambda: Priced.new({"price": "x"})):  # type: ignore[arg-type]
        with pytest.raises(quorum.ValidationError) as caught:
            make()
        assert caught.value.messages == {"price": ["Not a valid number."]}
