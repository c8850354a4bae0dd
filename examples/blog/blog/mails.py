"""Mail to authors who gave an address. What goes wrong with it is for the log: no page fails for a mail."""

from typing import Any

from flask import current_app
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

import quorum

from .models import Author, Comment, Post


def welcome(author: Author) -> None:
    """Greet a new author."""
    _tell(author, _("Welcome to Marginalia"), "welcome")


def tell_of_comment(post: Post, comment: Comment) -> None:
    """Tell the author of a post what somebody else said below it."""
    try:
        author, by = post.author, comment.author
    except quorum.DanglingReferenceError as error:
        current_app.logger.warning("Nobody is told of a comment: %s", error)
        return
    if author != by:
        # A title may have line breaks, and a subject may not.
        title = " ".join(post.title.split())
        subject = _("%(name)s commented on “%(title)s”", name=by.username, title=title)
        _tell(author, subject, "comment", post=post, comment=comment)


def _tell(author: Author, subject: LazyString, template: str, **values: Any) -> None:
    if author.email is None:
        return
    try:
        quorum.send_mail_a(
            subject=subject,
            receivers=[(author.username, author.email)],
            plain=f"mail/{template}.txt.tpl",
            rich=f"mail/{template}.html.tpl",
            context={"author": author, **values},
            locale=author.locale,
        )
    except quorum.QuorumError as error:
        current_app.logger.warning("The mail %r is not sent: %s", template, error)
