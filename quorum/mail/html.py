"""One part of a mail from the other: HTML as text, and text as HTML."""

from __future__ import annotations

import re
from html import escape

from quorum import errors

# A link whose text is where it leads.
_BARE_LINK = re.compile(r"\[([^\[\]]+)\]\((?:mailto:)?\1\)")


def to_text(html: str) -> str:
    """Write HTML as text: lists and tables in lines, links as `[text](target)`, images as their `alt`.

    :raises ConfigurationError: the package for it is missing.
    """
    try:
        from inscriptis import get_text
        from inscriptis.model.config import ParserConfig
    except ImportError:
        raise errors.ConfigurationError(
            "A mail with a rich part only needs the package inscriptis for its plain part: "
            'pip install "quorum[mail]", or give a plain part too.'
        ) from None
    text = get_text(html, ParserConfig(display_links=True, display_images=True))
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return _BARE_LINK.sub(r"\1", lines).strip() + "\n"


def from_text(text: str) -> str:
    """Write text as HTML, escaped, its lines and blanks kept."""
    return f'<!doctype html>\n<div style="white-space: pre-wrap">{escape(text)}</div>\n'
