"""One part of a mail from the other."""

from __future__ import annotations

import builtins

import pytest

import quorum
from quorum.mail import html


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>Hello <b>Ada</b> &amp; Bob</p>", "Hello Ada & Bob\n"),
        ("<h1>Title</h1><p>One.</p><p>Two.<br>Three.</p>", "Title\n\nOne.\n\nTwo.\nThree.\n"),
        ("<ul><li>one</li><li>two</li></ul>", "* one\n  * two\n"),
        ('<a href="https://x.org/a?b=1&amp;c=2">Confirm</a>', "[Confirm](https://x.org/a?b=1&c=2)\n"),
        ('<a href="https://x.org/">https://x.org/</a>', "https://x.org/\n"),
        ('<a href="mailto:ada@x.org">ada@x.org</a>', "ada@x.org\n"),
        ('<img src="cid:logo" alt="Our logo">', "[Our logo]\n"),
        ("<html><head><title>T</title><style>p{color:red}</style></head><body><p>Hi</p><script>x()</script>", "Hi\n"),
        ("<table><tr><td>1</td><td>2</td></tr></table>", "1  2\n"),
        ("snake_case *and* stars", "snake_case *and* stars\n"),
        ("<p>never closed", "never closed\n"),
        ("", "\n"),
    ],
)
def test_html_is_written_as_text(source, text):
    assert html.to_text(source) == text


def test_text_is_escaped_and_keeps_its_lines():
    assert html.from_text('1 < 2 & "a"\n  b') == (
        '<!doctype html>\n<div style="white-space: pre-wrap">1 &lt; 2 &amp; &quot;a&quot;\n  b</div>\n'
    )


def test_a_missing_package_is_told(monkeypatch):
    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.startswith("inscriptis"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(quorum.ConfigurationError, match=r'pip install "quorum\[mail\]"'):
        html.to_text("<p>Hi")
