"""Messages in another language: catalogues of gettext, asked for texts whose parameters are filled in already.

A message comes as English text, `Longer than maximum length 120.`, from marshmallow, from quorum or an application. The
catalogue has what it was made from, `Longer than maximum length {max}.`: the message is matched with those, and the
parameters go into the translation. So nothing that checks values knows of languages, and one language costs nothing.

A text with `{count}` has plural forms.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

#: quorum's own catalogues, in the domain "quorum".
FOLDER = Path(__file__).resolve().parent.parent / "translations"
DOMAIN = "quorum"

_PARAMETER = re.compile(r"\{(\w+)\}")


class _Template:
    """A text with parameters, and what they were in a message that was made from it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._first, *rest = _PARAMETER.split(text)
        self._names, self._between = rest[::2], rest[1::2]
        self.literal = len(self._first) + sum(map(len, self._between))

    def match(self, message: str) -> dict[str, str] | None:
        """Give the parameters by name, or None for another text. None is empty, and each is as short as can be.

        It takes time in proportion to the length of the message, which may hold what a client sent.
        """
        if not message.startswith(self._first) or not message.endswith(self._between[-1]):
            return None
        begin, end = len(self._first), len(message) - len(self._between[-1])
        values: dict[str, str] = {}
        for name, text in zip(self._names, [*self._between[:-1], None], strict=True):
            found = end if text is None else message.find(text, begin + 1, end)
            if found <= begin or values.setdefault(name, message[begin:found]) != message[begin:found]:
                return None
            begin = found + len(text or "")
        return values


class _Catalogue:
    def __init__(self, path: Path) -> None:
        from babel.messages.mofile import read_mo

        with path.open("rb") as file:
            self._translations = gettext.GNUTranslations(file)
        with path.open("rb") as file:
            # A message with plural forms is a pair.
            texts = [message.id if isinstance(message.id, str) else message.id[0] for message in read_mo(file)]
        self._texts = frozenset(filter(None, texts))
        templates = [_Template(text) for text in self._texts if _is_template(text)]
        # Of two that match, the one with more text of its own is meant: "over {a} and under {b}", not "over {a}".
        self._templates = sorted(templates, key=lambda template: (-template.literal, template.text))

    def translate(self, text: str) -> str | None:
        if text in self._texts:
            return self._translations.gettext(text)
        for template in self._templates:
            values = template.match(text)
            if values is not None:
                return self._filled(template.text, values)
        return None

    def _filled(self, template: str, values: Mapping[str, str]) -> str:
        count = values.get("count", "")
        translated = (
            self._translations.ngettext(template, template, int(count))
            if count.isascii() and count.isdigit() and len(count) < 10
            else self._translations.gettext(template)
        )
        return _PARAMETER.sub(lambda found: values.get(found[1], found[0]), translated)


def _is_template(text: str) -> bool:
    """Say whether a text has parameters, and enough of its own that it does not match anything."""
    return _PARAMETER.search(text) is not None and any(map(str.isalpha, _PARAMETER.sub("", text)))


class Translator:
    """Gives English texts in one language: by the first catalogue that has a text, else as they are."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._catalogues = [_Catalogue(file) for file in files]

    def __call__(self, text: str) -> str:
        found = (catalogue.translate(text) for catalogue in self._catalogues)
        return next((translated for translated in found if translated is not None), text)


def files(locale: str, folder: Path, domain: str) -> Iterator[Path]:
    """Find the compiled catalogues for a locale, `pt_PT`, the nearest first: its own, then its language's."""
    for found in gettext.find(domain, str(folder), [locale], all=True):
        yield Path(found)


def translated(messages: Any, translate: Translator) -> Any:
    """Give messages, as a `ValidationError` has them, with each text translated and each key as it is."""
    if isinstance(messages, str):
        return translate(messages)
    if isinstance(messages, Mapping):
        return {key: translated(value, translate) for key, value in messages.items()}
    if isinstance(messages, (list, tuple)):
        return [translated(value, translate) for value in messages]
    return messages
