"""Accounts: who is logged in, and the pages to register, log in and log out."""

import functools
from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

import quorum

from . import mails
from .models import Author

blueprint = Blueprint("auth", __name__, url_prefix="/auth")


@blueprint.before_app_request
def load_author() -> None:
    """Set `g.author` to the account that is logged in, or None."""
    g.author = None
    if request.endpoint != "static" and "author" in session:
        g.author = Author.first(id=session["author"])


def login_required(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """Send visitors to the login page, and from there back here."""

    @functools.wraps(view)
    def guarded(**values: Any) -> ResponseReturnValue:
        if g.author is not None:
            return view(**values)
        flash(_("Please log in first."), "error")
        return redirect(url_for("auth.login_form", next=request.path if request.method == "GET" else None))

    return guarded


@blueprint.get("/register")
def register_form() -> str:
    return register_page()


@blueprint.post("/register")
def register() -> ResponseReturnValue:
    form = request.form
    email = form.get("email", "").strip() or None
    try:
        author = Author.register(form.get("username", ""), form.get("password", ""), email, str(get_locale()))
    except quorum.ValidationError as error:
        return register_page(quorum.translate(error.messages_dict)), 422
    mails.welcome(author)
    return log_in(author, _("Welcome, %(name)s.", name=author.username))


@blueprint.get("/login")
def login_form() -> str:
    return login_page()


@blueprint.post("/login")
def login() -> ResponseReturnValue:
    author = Author.authenticate(request.form.get("username", ""), request.form.get("password", ""))
    if author is None:
        return login_page({"password": [_("The username or the password is wrong.")]}), 422
    return log_in(author, _("Welcome back, %(name)s.", name=author.username))


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    session.clear()
    flash(_("You are logged out."))
    return redirect(url_for("posts.index"))


def register_page(errors: dict[str, Any] | None = None) -> str:
    return render_template("auth/register.html.tpl", form=request.form, errors=errors or {})


def login_page(errors: dict[str, Any] | None = None) -> str:
    return render_template("auth/login.html.tpl", form=request.form, errors=errors or {})


def log_in(author: Author, welcome: str) -> ResponseReturnValue:
    """Start a new session, so that nothing of an earlier one, the visitor's or a stranger's, goes on in it."""
    session.clear()
    quorum.renew_session(user=author.id)
    session["author"] = str(author.id)
    flash(welcome)
    return quorum.safe_redirect(request.args.get("next"), url_for("posts.index"))
