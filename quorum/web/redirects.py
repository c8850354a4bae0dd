"""Redirects to where a request asks to go."""

from __future__ import annotations

import re
from typing import Final

import flask
from werkzeug.wrappers import Response

# A path, as a browser reads it: it takes `//host` and `/\host` for another site, drops tabs and line breaks wherever
# they are, and spaces and control characters at the ends (https://url.spec.whatwg.org/#concept-basic-url-parser).
_PATH: Final = re.compile(r"/(?![/\\])[^\s\\\x00-\x1f\x7f-\x9f\ud800-\udfff]*")


def safe_redirect(target: str | None, fallback: str | None = None) -> Response:
    """Redirect to a path that came with the request, `?next=/posts`, if it is one on this site.

    Whatever a browser could take for another site is none: `//host`, `/\\host`, `https:host`, a tab in between. So is a
    full URL, of this site too.

    :param target: where to go; None counts as no path.
    :param fallback: where to go if that is no path of this site; it is trusted. The app's root if not given.
    """
    if target is not None and _PATH.fullmatch(target):
        return flask.redirect(target)
    return flask.redirect(fallback if fallback is not None else f"{flask.request.script_root}/")
