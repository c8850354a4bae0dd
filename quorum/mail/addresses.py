"""Addresses of mail: what is accepted as one, and how it is written in a header.

`"Ada Lovelace <ada@example.org>"`, `("Ada Lovelace", "ada@example.org")` and `"ada@example.org"` are the same mailbox.
An international domain is sent in its ASCII form (IDNA 2008, UTS 46). The part before the `@` is ASCII: the other kind
needs SMTPUTF8 of every server on the way, and comes back as an error hours later where one lacks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import getaddresses
from typing import Any, Final, TypeAlias

from quorum import errors

from . import headers

#: An address as it is given: `"Name <mail@host>"`, `"mail@host"`, or `("Name", "mail@host")`.
Given: TypeAlias = str | tuple[str, str]

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_DOMAIN = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*", re.ASCII)
_NAMED = re.compile(r"(?P<name>.*?)\s*<(?P<email>[^<>]*)>", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+", re.ASCII)

#: RFC 5321: bytes before the `@`, and in all.
LOCAL_LENGTH: Final = 64
LENGTH: Final = 254
NAME_LENGTH: Final = 256

# A longer name in quotes would make a line that is too long; encoded words can be broken.
_LINE = 60


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: the name that people see, or "", and the address in ASCII."""

    name: str
    email: str

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2]

    def encode(self, header: str) -> str:
        """Write it for a header."""
        if not self.name:
            return self.email
        return f"{_phrase(self.name, header)} <{self.email}>"


def parse(value: Given | Any, where: str) -> Address:
    """Read an address.

    :param where: the name of the argument, for the error.
    :raises ValidationError: it is none, or more than one, or its name can't stand in a header.
    :raises ConfigurationError: its domain is international, and the package for these is missing.
    """
    if isinstance(value, str):
        headers.refuse_control_characters(value, where)
        named = _NAMED.fullmatch(value.strip())
        name, email = (_unquoted(named["name"], where), named["email"]) if named else ("", value)
    elif isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, str) for part in value):
        name, email = value
    else:
        raise headers.problem(where, 'Not an address: write "Name <mail@host>", ("Name", "mail@host") or "mail@host".')
    name = headers.text(name, where)
    if len(name) > NAME_LENGTH:
        raise headers.problem(where, f"Has a name of more than {NAME_LENGTH} characters.")
    headers.refuse_control_characters(email, where)
    return Address(name, _email(email.strip(), where))


def parse_all(values: Iterable[Given], where: str) -> tuple[Address, ...]:
    """Read a list of addresses; of those that come again, the first is kept.

    :raises TypeError: it is one text, not a list.
    :raises ValidationError: as `parse()`, with the place in the list.
    """
    if isinstance(values, str):
        raise TypeError(f'{where} is a list of addresses: {where}=["mail@host"].')
    found: dict[str, Address] = {}
    for place, value in enumerate(values):
        address = parse(value, f"{where}.{place}")
        found.setdefault(address.email, address)
    return tuple(found.values())


def encode_all(addresses: Iterable[Address], header: str) -> str:
    """Write addresses for a header, each on a line of its own."""
    return ",\r\n ".join(address.encode(header) for address in addresses)


def read(value: str) -> list[Address]:
    """Read a header's addresses as a mail program does."""
    return [Address(headers.decode(name), email) for name, email in getaddresses([headers.unfold(value)])]


def _unquoted(name: str, where: str) -> str:
    quoted = _QUOTED.fullmatch(name)
    if not quoted and re.search("[<>@]", name):
        raise headers.problem(where, 'Not one address: a name with < > or @ is written in quotes, "..." <mail@host>.')
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else name


def _email(text: str, where: str) -> str:
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain or re.search(r"[\s,;:<>()\[\]\"\\]", text):
        raise headers.problem(where, "Not an address of one mailbox: it must be mail@host.")
    if not local.isascii():
        raise headers.problem(where, "Has more than ASCII before the @: few servers deliver to such addresses.")
    if not domain.isascii():
        domain = _idna(domain, where)
    domain = domain.lower()
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise headers.problem(where, "Not an address of one mailbox: it must be mail@host.")
    if len(local) > LOCAL_LENGTH or len(local) + 1 + len(domain) > LENGTH:
        raise headers.problem(where, f"Too long: at most {LOCAL_LENGTH} characters before the @, {LENGTH} in all.")
    return f"{local}@{domain}"


def _idna(domain: str, where: str) -> str:
    try:
        import idna
    except ImportError:
        raise errors.ConfigurationError(
            'An address has an international domain, which needs the package idna: pip install "quorum[mail]".'
        ) from None
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise headers.problem(where, "Has a domain that can't exist: IDNA does not allow it.") from None


def _phrase(name: str, header: str) -> str:
    if name.isascii() and "=?" not in name and len(name) <= _LINE:
        if _ATOMS.fullmatch(name) and "  " not in name:
            return name
        escaped = re.sub(r'(["\\])', r"\\\1", name)
        return f'"{escaped}"'
    return headers.encode_words(header, name)
