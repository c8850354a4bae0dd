"""Mail: made, checked and sent without Flask; `quorum.send_mail()` adds the templates of an app."""

from .html import from_text as html_of
from .message import Mail, compose
from .outlets import Outlet, connect, ping
from .transport import Receipt, Refusal

__all__ = ["Mail", "Outlet", "Receipt", "Refusal", "compose", "connect", "html_of", "ping"]
