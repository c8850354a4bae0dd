"""Embedded documents: views over what is stored, in every place that can hold one."""

from __future__ import annotations

import copy
import functools
import pickle
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import werkzeug.utils

import quorum
from quorum.errors import ConfigurationError, StoredValueError, ValidationError


class Point(quorum.EmbeddedModel):
    x: int = 0
    y: int = quorum.field(default=0, alias="why")


class Node(quorum.EmbeddedModel):
    name: str = quorum.field(max_length=5)
    point: Point | None = None
    children: list[Node] = []


class Circle(quorum.EmbeddedModel):
    radius: float = 1.0


class Box(quorum.EmbeddedModel):
    width: float = 1.0
    corners: list[Point] = []


class Drawing(quorum.Model):
    name: str = ""
    origin: Point = Point()
    tree: Node | None = None
    points: list[Point] = []
    grid: list[list[Point]] = []
    named: dict[str, Point] = {}
    pair: tuple[Point, Point] | None = None
    shape: Circle | Box | None = None
    shapes: list[Circle | Box] = []
    mixed: str | Point = ""
    any: list[Any] = []


@pytest.fixture
def app(any_url: str) -> Iterator[Any]:
    yield quorum.load(name="embedded", models=[Drawing], MONGOHQ_URL=any_url)
    quorum.unload()


def stored(document: quorum.Model) -> Any:
    return type(document).collection.find_one({"_id": document.id})


def full() -> Drawing:
    return Drawing(
        tree=Node(name="root", children=[Node(name="leaf", point=Point(x=1))]),
        points=[Point(x=1), Point(y=2)],
        grid=[[Point(x=1)], [Point(x=2), Point(x=3)]],
        named={"a": Point(x=1), "b.c": Point(x=2)},
        pair=(Point(x=1), Point(x=2)),
        shape=Circle(radius=2.0),
        shapes=[Circle(), Box(corners=[Point(x=9)])],
        mixed=Point(x=5),
        any=[{}, {"k": [1], "x": 1}],
    )


CHANGES = {
    "field": lambda d: setattr(d.origin, "x", 7),
    "alias": lambda d: setattr(d.origin, "y", 7),
    "deep": lambda d: setattr(d.tree.children[0].point, "x", 7),
    "deep append": lambda d: d.tree.children[0].children.append(Node(name="new")),
    "deep None": lambda d: setattr(d.tree.children[0], "point", None),
    "list": lambda d: setattr(d.points[1], "x", 7),
    "list replace": lambda d: d.points.__setitem__(0, Point(x=7)),
    "list append": lambda d: d.points.append(Point(x=7)),
    "list remove": lambda d: d.points.pop(0),
    "list reverse": lambda d: d.points.reverse(),
    "list of lists": lambda d: setattr(d.grid[1][0], "x", 7),
    "list append inside": lambda d: d.shapes[1].corners.append(Point(x=7)),
    "list append inside of a dict": lambda d: d.any[1]["k"].append(7),
    "list del inside of a dict": lambda d: d.any[1].pop("k"),
    "dict": lambda d: setattr(d.named["a"], "x", 7),
    "dict, odd key": lambda d: setattr(d.named["b.c"], "x", 7),
    "dict add": lambda d: d.named.update({"z": Point(x=7)}),
    "dict del": lambda d: d.named.pop("a"),
    "tuple": lambda d: setattr(d.pair[1], "x", 7),
    "union": lambda d: setattr(d.shape, "radius", 7.0),
    "union, other class": lambda d: setattr(d, "shape", Box(width=7.0)),
    "union in list": lambda d: setattr(d.shapes[1].corners[0], "x", 7),
    "union in list, other class": lambda d: d.shapes.__setitem__(0, Box(width=7.0)),
    "union of scalars": lambda d: setattr(d.mixed, "x", 7),
    "union, other kind": lambda d: setattr(d, "mixed", "text"),
    "None": lambda d: setattr(d, "tree", None),
    "replace": lambda d: setattr(d, "origin", Point(x=7)),
    "same object in two places": lambda d: d.points.append(d.points[0]),
}


@pytest.mark.promise("D13")
@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
@pytest.mark.parametrize("again", [False, True], ids=["loaded", "saved"])
def test_a_change_anywhere_is_seen_and_saved_once(app: Any, change: Any, again: bool) -> None:
    drawing = full().save()
    if not again:
        drawing = Drawing.get(drawing.id)
    before = drawing.dump()
    change(drawing)
    assert drawing.dump() != before
    drawing.save()
    assert drawing.changes() == {}
    assert Drawing.get(drawing.id).dump() == drawing.dump()


def test_a_change_is_sent_by_its_path(app: Any) -> None:
    drawing = Drawing.get(full().save().id)
    drawing.tree.children[0].point.x = 7  # type: ignore[union-attr]
    drawing.named["a"].y = 8
    drawing.origin.y = 9
    assert drawing.changes() == {
        "$set": {"tree.children.0.point.x": 7, "named.a.why": 8, "origin.why": 9},
    }


def test_every_place_comes_back_as_it_was(app: Any) -> None:
    drawing = full().save()
    found = Drawing.get(drawing.id)
    assert found.dump() == drawing.dump()
    assert [type(shape) for shape in found.shapes] == [Circle, Box]
    assert (found.points, found.pair, found.mixed, found.shape) == (
        drawing.points,
        drawing.pair,
        drawing.mixed,
        drawing.shape,
    )


@pytest.mark.promise("D13")
def test_a_default_document_is_never_shared(app: Any) -> None:
    one, other = Drawing(), Drawing()
    one.origin.x = 5
    assert (other.origin.x, Drawing().origin.x) == (0, 0)
    one.save()
    bare = Drawing.get(Drawing.collection.insert_one({}).inserted_id)
    bare.origin.x = 6
    assert (bare.changes()["$set"]["origin"]["x"], Drawing().origin.x) == (6, 0)


def test_a_default_document_that_was_only_read_is_not_written(app: Any) -> None:
    bare = Drawing.get(Drawing.collection.insert_one({}).inserted_id)
    assert (bare.origin, bare.points, bare.changes()) == (Point(), [], {})


def test_a_dict_is_taken_for_an_embedded_document(app: Any) -> None:
    drawing = Drawing(origin={"x": 1}, points=[{"x": 2}], shape={"_type": "Box", "width": 3.0}).save()  # type: ignore[arg-type, list-item]
    assert (type(drawing.origin), drawing.points[0].x, type(drawing.shape)) == (Point, 2, Box)


class Inch(quorum.EmbeddedModel):
    size: int = 1
    unit: str | None = None


class Ruler(quorum.EmbeddedModel):
    first: Inch
    last: Inch | None = None


class Desk(quorum.Model):
    ruler: Ruler
    rulers: list[Ruler] = []


def test_a_dict_in_a_dict_gets_its_defaults_and_is_no_longer_the_callers() -> None:
    inner: dict[str, Any] = {"size": 2}
    given: dict[str, Any] = {"first": inner, "last": {}}
    desk = Desk(ruler=given, rulers=[given])  # type: ignore[arg-type, list-item]
    inner["size"], given["last"] = "wrong", "wrong"
    wanted = {"first": {"size": 2, "unit": None}, "last": {"size": 1, "unit": None}}
    desk.validate()
    assert desk.changes()["$set"] == {"_id": desk.id, "ruler": wanted, "rulers": [wanted]}
    desk.rulers[0].first.size = 3
    assert (desk.ruler.first.size, desk.changes()["$set"]["rulers"][0]["first"]["size"]) == (2, 3)


def test_an_embedded_document_is_taken_from_a_new_document_into_another_one() -> None:
    desk = Desk(ruler={"first": {}})  # type: ignore[arg-type]
    other = Desk(ruler=desk.ruler)
    other.ruler.first.size = 9
    assert other.changes()["$set"]["ruler"]["first"]["size"] == desk.changes()["$set"]["ruler"]["first"]["size"] == 9


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"tree": {"name": "too long a name"}}, ["tree", "name"]),
        ({"tree": {}}, ["tree", "name"]),
        ({"tree": {"name": "ok", "children": [{"name": "ok"}, {"name": 5}]}}, ["tree", "children", 1, "name"]),
        ({"points": [{"x": 1}, {"x": "one"}]}, ["points", 1, "x"]),
        ({"named": {"k": {"x": 1.5}}}, ["named", "k", "x"]),
        ({"shape": {"_type": "Nothing"}}, ["shape", "_type"]),
        ({"shapes": [{"radius": 1.0}]}, ["shapes", 0, "_type"]),
    ],
)
def test_a_wrong_value_is_told_by_its_path(app: Any, values: Any, path: list[Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Drawing(**values).save()
    messages: Any = caught.value.messages
    for step in path:
        assert set(messages) == {step}
        messages = messages[step]
    assert isinstance(messages, list)
    assert Drawing.collection.count_documents({}) == 0


def test_what_is_no_document_is_refused_in_marshmallows_words() -> None:
    with pytest.raises(ValidationError) as caught:
        Drawing(origin=5).validate()  # type: ignore[arg-type]
    assert caught.value.messages == {"origin": ["Invalid type."]}


class Pen(quorum.EmbeddedModel):
    size: int = 2
    ink: str


class Sheet(quorum.EmbeddedModel):
    title: str
    pen: Pen
    spare: list[Pen] = []


class Case(quorum.Model):
    pen: Pen | None = None
    pens: list[Pen] = []
    sheet: Sheet | None = None
    sheets: list[Sheet] = []
    either: Pen | Sheet | None = None
    named: dict[str, Sheet] = {}


MADE: dict[str, Callable[[], Any]] = {
    "of a dict": lambda: Case(pen={"ink": "red", "size": 2}),  # type: ignore[arg-type]
    "of an object": lambda: Case(pen=Pen(ink="red", size=2)),
    "with a default": lambda: Case(pen=Pen(ink="red")),
    "from outside": lambda: Case.new({"pen": {"ink": "red", "size": 2}}),
    "in a list": lambda: Case(pen=Pen(ink="red"), pens=[{"ink": "red", "size": 1}]),  # type: ignore[list-item]
}


@pytest.mark.parametrize("made", MADE)
def test_equal_documents_are_stored_in_one_order_and_found(made: str, any_url: str, load: Callable[..., None]) -> None:
    load(any_url, Case)
    case = MADE[made]().save()
    assert list(stored(case)["pen"]) == ["size", "ink"]
    assert Case.find(pen=Pen(size=2, ink="red")).count() == 1
    assert Case.find(Case.pen == Pen(ink="red", size=2)).count() == 1
    case.push("pens", {"ink": "red", "size": 1})
    case.push("pens", Pen(ink="red", size=1))
    case.pen = Pen(ink="blue", size=3)
    case.save()
    assert Case.count(pen=Pen(size=3, ink="blue")) == 1
    assert case.pull("pens", Pen(size=1, ink="red")) == []


RED = {"ink": "red", "size": 1}
SHEET: dict[str, Any] = {"spare": [RED], "pen": RED, "title": "a"}
NESTED: dict[str, Callable[[], Any]] = {
    "of dicts": lambda: SHEET,
    "of an object that was given dicts": lambda: Sheet(**SHEET),
    "of objects": lambda: Sheet(spare=[Pen(**RED)], pen=Pen(**RED), title="a"),
}


@pytest.mark.parametrize("made", NESTED)
def test_what_is_inside_of_embedded_documents_is_in_one_order_too(
    made: str, any_url: str, load: Callable[..., None]
) -> None:
    load(any_url, Case)
    sheet = copy.deepcopy(NESTED[made]())
    case = Case(sheet=sheet, sheets=[sheet], named={"a": sheet}).save()
    case.push("sheets", sheet)
    case.either = Sheet(**SHEET)
    case.save()
    found = stored(case)
    assert list(found["either"]) == ["_type", "title", "pen", "spare"]
    for one in (found["sheet"], *found["sheets"], found["named"]["a"]):
        assert [*one, *one["pen"], *one["spare"][0]] == ["title", "pen", "spare", "size", "ink", "size", "ink"]
    assert Case.count(sheet=SHEET) == Case.count(Case.sheet == Sheet(**SHEET)) == 1
    assert case.pull("sheets", Sheet(**SHEET)) == []


@pytest.mark.promise("D9")
def test_a_wrong_stored_document_breaks_only_itself(app: Any) -> None:
    identifier = Drawing.collection.insert_one(
        {"name": "n", "origin": 5, "points": [{"x": 1}, 7], "shape": {"_type": "Gone"}, "shapes": [{"radius": 1.0}]}
    ).inserted_id
    found = Drawing.get(identifier)
    for name in ("origin", "points", "shape", "shapes"):
        with pytest.raises(StoredValueError, match=f"Drawing.{name}"):
            getattr(found, name)
    before = stored(found)
    found.name = "new"
    found.save()
    assert stored(found) == {**before, "name": "new"}


def test_embedded_documents_are_equal_by_their_values(app: Any) -> None:
    assert Point(x=1) == Point(x=1)
    assert Point(x=1) != Point(x=2)
    assert Point() != Circle()
    assert Drawing.get(full().save().id).points[0] == Point(x=1)
    with pytest.raises(TypeError):
        hash(Point())


def test_a_copy_is_a_document_of_its_own(app: Any) -> None:
    drawing = Drawing.get(full().save().id)
    for made in (copy.copy, copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))):
        other = made(drawing)
        other.points[0].x = 99
        other.tree.children.append(Node(name="c"))
        assert (drawing.points[0].x, len(drawing.tree.children)) == (1, 1)  # type: ignore[union-attr]
        assert drawing.changes() == {}
        assert other.changes()["$set"] == {"points.0.x": 99}
        assert other == drawing


def test_one_embedded_document_in_two_owners_is_saved_in_both(app: Any) -> None:
    point = Point(x=1)
    one, other = Drawing(points=[point]).save(), Drawing(points=[point]).save()
    point.x = 2
    one.save()
    other.save()
    assert (stored(one)["points"][0]["x"], stored(other)["points"][0]["x"]) == (2, 2)
    assert (one.changes(), other.changes()) == ({}, {})


def test_an_item_moved_to_another_document_leaves_no_trace(app: Any) -> None:
    one, other = full().save(), Drawing().save()
    one, other = Drawing.get(one.id), Drawing.get(other.id)
    other.points.append(one.points.pop(0))
    other.points[0].y = 5
    one.save()
    other.save()
    assert [point["x"] for point in stored(one)["points"]] == [0]
    assert stored(other)["points"] == [{"x": 1, "why": 5}]


def test_a_declaration_that_makes_no_sense_fails_when_the_class_is_made() -> None:
    with pytest.raises(ConfigurationError, match="primary is for models"):

        class Wrong(quorum.EmbeddedModel):
            key: str = quorum.field(primary=True)

    with pytest.raises(ConfigurationError, match=r"quorum\.reference\(\)"):

        class Other(quorum.Model):
            drawing: Drawing


def test_an_embedded_document_is_not_saved_alone() -> None:
    assert not hasattr(Point(), "save")
    assert not hasattr(Point, "find")


class Tally(quorum.EmbeddedModel):
    count: int = 0
    first: str = ""
    id: int = 0


def test_names_of_a_models_own_verbs_are_free_in_embedded_documents() -> None:
    tally = Tally(count=3, first="a", id=7)
    assert (tally.count, tally.first, tally.id) == (3, "a", 7)


def test_a_hook_on_an_embedded_model_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="pre_save would never be called"):
        type("Wrong", (quorum.EmbeddedModel,), {"__module__": __name__, "pre_save": lambda self: None})


class Dot(Point):
    size: int = 1


def test_a_subclass_is_refused_where_its_base_is_declared(app: Any) -> None:
    problem = "Dot is a subclass of what is declared: declare `Point | Dot`."
    drawing = Drawing()
    for name, value, messages in (
        ("origin", Dot(), [problem]),
        ("points", [Dot()], {0: [problem]}),
        (
            "shape",
            type("Disc", (Circle,), {})(),
            ["Disc is a subclass of what is declared: declare `Circle | Box | Disc`."],
        ),
    ):
        with pytest.raises(ValidationError) as caught:
            setattr(drawing, name, value)
        assert caught.value.messages == {name: messages}
        with pytest.raises(ValidationError) as caught:
            Drawing(**{name: value})
        assert caught.value.messages == {name: messages}
    drawing.points.append(Dot())
    with pytest.raises(ValidationError, match="Dot is a subclass"):
        drawing.save()


# What lies in an embedded document beside its fields.


class Shape(quorum.EmbeddedModel):
    width: int = 0
    height: int = 0

    @functools.cached_property
    def area(self) -> int:
        return self.width * self.height


class Size(quorum.EmbeddedModel):
    width: int = 0
    height: int = 0


class Flask(Size):
    @werkzeug.utils.cached_property
    def area(self) -> int:
        return self.width * self.height


class Own(Size):
    @property
    def area(self) -> int:
        if "area" not in self.__dict__:
            self.__dict__["area"] = self.width * self.height
        return int(self.__dict__["area"])


class Named(Size):
    @property
    def area(self) -> int:
        return max(vars(self).setdefault(name, self.width * self.height) for name in ["area"])


class Asked(Size):
    def __getattr__(self, name: str) -> int:
        if name != "area":
            raise AttributeError(name)
        object.__setattr__(self, name, self.width * self.height)
        return self.area


class House(quorum.Model):
    flask: Flask = Flask()
    own: Own = Own()
    named: Named = Named()
    asked: Asked = Asked()


@pytest.mark.parametrize("name", ["flask", "own", "named", "asked"])
def test_what_a_class_puts_into_its_dict_is_no_part_of_what_is_stored(
    any_url: str, load: Callable[..., None], name: str
) -> None:
    load(any_url, House)
    house = House.get(House(**{name: {"width": 2, "height": 3}}).save().id)
    assert getattr(house, name).area == 6
    copied = House(**{name: getattr(house, name)}).save()
    assert House.collection.find_one({"_id": copied.id})[name] == {"width": 2, "height": 3}  # type: ignore[index]


class Room(quorum.Model):
    shape: Shape = Shape()
    size: Size = Size()
    sizes: list[Size] = []


@pytest.fixture
def room(any_url: str) -> Iterator[Room]:
    quorum.load(name="embedded", models=[Room], MONGOHQ_URL=any_url)
    shape, size = {"width": 2, "height": 3}, {"width": 4, "height": 5}
    yield Room.get(Room(shape=shape, size=size, sizes=[size]).save().id)
    quorum.unload()


def test_a_cached_property_is_no_part_of_what_is_stored(room: Room) -> None:
    assert room.shape.area == 6
    assert room.changes() == {}
    assert room.shape.dump() == {"width": 2, "height": 3}
    copied = Room(shape=room.shape).save()
    assert Room.collection.find_one({"_id": copied.id})["shape"] == {"width": 2, "height": 3}  # type: ignore[index]


def test_a_private_attribute_is_no_part_of_what_is_stored(room: Room) -> None:
    room.size._note = "mine"
    room.sizes[0]._note = "mine"
    assert (room.size._note, room.sizes[0]._note) == ("mine", "mine")
    assert room.changes() == {}
    copied = Room(size=room.size).save()
    assert Room.collection.find_one({"_id": copied.id})["size"] == {"width": 4, "height": 5}  # type: ignore[index]


def test_a_change_is_seen_beside_values_that_were_only_read(room: Room) -> None:
    assert (room.size.width, room.sizes[0].width) == (4, 4)
    room.size.width = 7
    room.sizes[0].height = 8
    assert room.changes() == {"$set": {"size.width": 7, "sizes.0.height": 8}}
    assert room._doc["size"] == {"width": 4, "height": 5}
    room.save()
    found = Room.get(room.id)
    assert (found.size.width, found.sizes[0].height, room.changes()) == (7, 8, {})


def test_a_change_that_is_taken_back_is_none(room: Room) -> None:
    room.size.width = 7
    room.size.width = 4
    assert room.changes() == {}


def test_a_copy_of_what_was_only_read_changes_on_its_own(room: Room) -> None:
    for copied in (copy.copy(room.size), copy.deepcopy(room.size), pickle.loads(pickle.dumps(room.size))):
        copied.width = 9
    assert (room.size.width, room.changes()) == (4, {})


# What another document goes on storing.


@pytest.fixture
def rooms(any_url: str, load: Callable[..., None]) -> tuple[Room, Room]:
    load(any_url, Room)
    size = {"width": 4, "height": 5}
    one = Room(size=size, sizes=[size]).save()
    other = Room.collection.insert_one({"size": {"height": 1, "width": 1, "more": 1}, "sizes": [size]}).inserted_id
    return Room.get(one.id), Room.get(other)


def test_an_embedded_document_that_moved_changes_nothing_where_it_came_from(rooms: tuple[Room, Room]) -> None:
    one, other = rooms
    other.size = one.size
    other.save()
    other.size.width = 7
    assert one._doc["size"] == {"width": 4, "height": 5}
    assert one.changes()["$set"]["size.width"] == 7


def test_items_that_moved_leave_the_list_they_came_from_to_be_changed(rooms: tuple[Room, Room]) -> None:
    one, other = rooms
    other.sizes = [*one.sizes, Size()]
    other.save()
    other.sizes[0].width = 7
    one.sizes.pop()
    one.save()
    assert Room.get(one.id).sizes == []


# Fields that are not stored.


@pytest.fixture
def bare(app: Any) -> Drawing:
    return Drawing.get(Drawing.collection.insert_one({"tree": {"name": "root"}}).inserted_id)


def test_fields_that_were_added_are_known_in_the_order_in_which_they_are_stored(bare: Drawing) -> None:
    assert bare.tree is not None
    bare.tree.point, bare.tree.children = Point(), [Node(name="leaf")]
    bare.save()
    assert list(stored(bare)["tree"]) == list(bare._doc["tree"])
    bare.tree = None
    bare.save()
    assert stored(bare)["tree"] is None


@pytest.mark.promise("D12")
def test_a_default_that_was_only_read_is_not_written_with_a_later_change(bare: Drawing) -> None:
    assert bare.tree is not None
    assert (bare.tree.point, bare.tree.children) == (None, [])
    bare.tree.name = "new"
    bare.save()
    assert bare.changes() == {}
    bare.tree.name = "newer"
    bare.save()
    assert stored(bare)["tree"] == {"name": "newer"}


class Upload(quorum.EmbeddedModel):
    sha256: str
    uploaded_at: datetime | None = None
    size: int = 0


class Mail(quorum.Model):
    uploads: list[Upload] = []


def test_a_document_with_some_of_a_files_names_is_changed_as_any_other(any_url: str, load: Callable[..., None]) -> None:
    load(any_url, Mail)
    mail = Mail.get(Mail(uploads=[Upload(sha256="5f")]).save().id)
    mail.uploads[0].size = 7
    assert mail.changes() == {"$set": {"uploads.0.size": 7}}
    mail.save()
    assert Mail.get(mail.id).uploads[0].size == 7


class Label(quorum.EmbeddedModel):
    text: str = quorum.field(max_length=3)


class Parcel(quorum.Model):
    sender: Label
    receiver: Label


@pytest.mark.parametrize("change", ["read and changed", "replaced"])
def test_what_was_given_as_a_dict_is_checked_again_once_it_changed(mock_url: str, change: str) -> None:
    quorum.load(name="parcels", models=[Parcel], MONGOHQ_URL=mock_url)
    parcel = Parcel(sender={"text": "a"}, receiver={"text": "b"})  # type: ignore[arg-type]
    if change == "replaced":
        parcel.sender = Label(text="too long")
    else:
        parcel.sender.text = "too long"
    for check in (parcel.validate, parcel.save):
        with pytest.raises(ValidationError, match=r"sender\.text"):
            check()
    quorum.unload()
