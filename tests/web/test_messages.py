"""Messages of validation in other languages: the catalogues, and how a message finds its translation."""

import ast
import inspect
import itertools
import re
import string
from pathlib import Path

import marshmallow
import marshmallow.fields
import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from hypothesis import assume, given
from hypothesis import strategies as st
from marshmallow import validate
from raised import Messages

import quorum
from quorum.web import messages

PACKAGE = Path(quorum.__file__).parent
ROOT = PACKAGE.parent
LANGUAGES = ("de", "pt")

#: Catalogues in the repository: quorum's own and the blog's.
SOURCES = sorted([*PACKAGE.rglob("*.po"), *(ROOT / "examples").rglob("*.po")])


def _source(language):
    with (messages.FOLDER / language / "LC_MESSAGES" / "quorum.po").open("rb") as file:
        return read_po(file)


def _texts(catalogue):
    found = [message for message in catalogue if message.id]
    return {message.id if isinstance(message.id, str) else message.id[0]: message for message in found}


def _strings(catalogue):
    """The translations by their texts; several where a text has plural forms."""
    return {
        text: [message.string] if isinstance(message.string, str) else list(message.string)
        for text, message in _texts(catalogue).items()
    }


def _translator(locale):
    return messages.Translator(messages.files(locale, messages.FOLDER, messages.DOMAIN))


def _shape(text):
    """A text with `{}` for each parameter."""
    return re.sub(r"\{[^}]*\}", "{}", text)


def _marshmallows() -> set[str]:
    """Every message that marshmallow has for its fields, schemas and validators."""
    found = set(marshmallow.Schema().error_messages.values())
    for cls in filter(inspect.isclass, vars(marshmallow.fields).values()):
        found.update(map(str, getattr(cls, "default_error_messages", {}).values()))
    for cls in filter(inspect.isclass, vars(validate).values()):
        for name, text in vars(cls).items():
            if name == "default_message" or (name.startswith("message_") and cls is not validate.Range):
                found.add(text)
    words = validate.Range
    least, most = (words.message_gt, words.message_gte), (words.message_lt, words.message_lte)
    found.update(words.message_min.format(min_op=word) for word in least)
    found.update(words.message_max.format(max_op=word) for word in most)
    found.update(words.message_all.format(min_op=a, max_op=b) for a, b in itertools.product(least, most))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_message_that_quorum_can_raise_has_a_translation(language):
    raised = Messages(PACKAGE)
    assert raised.lost == []
    assert len(raised.found) > 50
    assert raised.found - {_shape(text) for text in _texts(_source(language))} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_message_of_marshmallow_has_a_translation(language):
    found = {_shape(text) for text in _marshmallows()}
    assert len(found) > 40
    assert found - {_shape(text) for text in _texts(_source(language))} == set()


def test_a_message_that_has_no_translation_is_found(tmp_path):
    (tmp_path / "new.py").write_text(
        "def f(a):\n"
        "    problem = f'Not {a}.' if a else 'Nothing.'\n"
        "    raise marshmallow.ValidationError({a: [problem]})\n"
        "def g(a):\n"
        "    raise errors.ValidationError(a)\n"
    )
    raised = Messages(tmp_path)
    assert raised.found == {"Not {}.", "Nothing."}
    assert raised.lost == ["new.py:5: a"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_catalogue_is_complete_and_its_parameters_are_those_of_the_text(path):
    with path.open("rb") as file:
        catalogue = read_po(file)
    names = re.compile(r"%\(\w+\)s|\{\w+\}")
    for text, message in _texts(catalogue).items():
        assert not message.fuzzy
        strings = _strings(catalogue)[text]
        for translation in strings:
            assert translation
            assert set(names.findall(translation)) <= set(names.findall(text))
        assert set(names.findall(strings[-1])) == set(names.findall(text))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_compiled_catalogue_says_what_its_source_says(path):
    with path.open("rb") as source, path.with_suffix(".mo").open("rb") as compiled:
        written, read = read_po(source), read_mo(compiled)
    assert _strings(read) == _strings(written)
    assert read.plural_forms == written.plural_forms


def test_the_languages_have_the_same_texts():
    assert set(_texts(_source("de"))) == set(_texts(_source("pt")))


@pytest.mark.parametrize(
    ("locale", "text", "translation"),
    [
        ("pt_PT", "Missing data for required field.", "Campo obrigatório em falta."),
        ("pt_BR", "Longer than maximum length 120.", "Mais longo do que o comprimento máximo de 120."),
        ("de_DE", "Length must be between 8 and 128.", "Die Länge muss zwischen 8 und 128 liegen."),
        ("de", "Length must be 3.", "Die Länge muss 3 sein."),
        ("de", "Must be greater than or equal to 1 and less than or equal to 5.",
         "Muss größer oder gleich 1 und kleiner oder gleich 5 sein."),
        ("de", "Must be greater than or equal to 1.", "Muss größer oder gleich 1 sein."),
        ("de", "Must be one of: a, b.c, {d}.", "Muss einer von diesen sein: a, b.c, {d}."),
        ("de", "Not a valid date.", "Kein gültiges Datum."),
        ("de", "Not a valid Colour.", "Kein gültiger Wert vom Typ Colour."),
        ("de", "Not a Post.", "Kein Dokument vom Typ Post."),
        ("de", "Post has no field 'titel'. Did you mean 'title'?",
         "Post hat kein Feld 'titel'. Meinten Sie 'title'?"),
        ("de", "Nested more than 40 levels deep.", "Tiefer als 40 Ebenen verschachtelt."),
        ("de", "Nested more than 1 levels deep.", "Tiefer als 1 Ebene verschachtelt."),
        ("fr", "Missing data for required field.", "Missing data for required field."),
        ("de", "Something that nobody has translated.", "Something that nobody has translated."),
        ("de", "", ""),
    ],
)  # fmt: skip
def test_a_message_is_translated_with_its_parameters(locale, text, translation):
    assert _translator(locale)(text) == translation


def test_lists_and_dicts_keep_their_shape_and_their_keys():
    given = {"title": ["Unknown field."], "tags": {0: ["Not a valid string."], "x": "Invalid value."}, "n": [3, None]}
    assert messages.translated(given, _translator("pt")) == {
        "title": ["Campo desconhecido."],
        "tags": {0: ["Não é um texto válido."], "x": "Valor inválido."},
        "n": [3, None],
    }
    assert given["title"] == ["Unknown field."]


def test_a_long_message_is_matched_in_time_that_grows_with_its_length():
    text = "a has no field a. Did you mean " * 40_000
    assert _translator("pt")(text) == text


@pytest.mark.parametrize(
    ("template", "message", "values"),
    [
        ("{a} and {b}.", "1 and 2 and 3.", {"a": "1", "b": "2 and 3"}),
        ("{a} and {b}.", " and .", None),
        ("{a} and {b}.", "1 and .", None),
        ("{a}{b}", "123", {"a": "1", "b": "23"}),
        ("{a}: {a}!", "x: x!", {"a": "x"}),
        ("{a}: {a}!", "x: y!", None),
        ("Not {a}.", "Not .", None),
        ("Not {a}.", "Not", None),
        ("Not {a}", "Not\n", {"a": "\n"}),
    ],
)
def test_the_parameters_of_a_message_are_found(template, message, values):
    template = template if values is None or "\n" not in message else "Not{a}"
    assert messages._Template(template).match(message) == values


WORDS = st.text(string.ascii_letters + string.digits + ".:'\"{}-", min_size=1, max_size=12)
SENTENCES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)


@given(st.sampled_from(sorted(_texts(_source("pt")))), st.data())
def test_a_message_is_matched_with_the_text_that_it_was_made_from(text, data):
    names = sorted(set(re.findall(r"\{(\w+)\}", text)))
    drawn = SENTENCES if len(names) == 1 else WORDS
    values = {name: "7" if name == "count" else data.draw(drawn, label=name) for name in names}

    def filled(template):
        return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], template)

    strings = _texts(_source("pt"))[text].string
    expected = strings if isinstance(strings, str) else strings[1]
    # "Must be greater than {min}." with "1 and less than 3" is the same text as another message.
    ours = messages._Template(text)
    others = [messages._Template(other) for other in _texts(_source("pt")) if other != text]
    assume(not any(t.literal >= ours.literal and t.match(filled(text)) for t in others))
    assert _translator("pt")(filled(text)) == filled(expected)


def test_the_package_brings_its_catalogues():
    setup = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    (data,) = [node.value for node in ast.walk(setup) if isinstance(node, ast.keyword) and node.arg == "package_data"]
    brought = {file for pattern in ast.literal_eval(data)["quorum"] for file in PACKAGE.glob(pattern)}
    assert {messages.FOLDER / language / "LC_MESSAGES" / "quorum.mo" for language in LANGUAGES} <= brought
