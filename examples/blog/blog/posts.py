"""Posts: the lists, one post with its comments, and the forms of its author."""

from collections.abc import Iterable, Iterator
from typing import Any

from bson import ObjectId
from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

import quorum

from . import mails
from .auth import login_required
from .models import Comment, Post

blueprint = Blueprint("posts", __name__)

PER_PAGE = 5

#: What the forms have inputs for; nothing else is set by them.
POST_INPUTS = ("title", "body", "tags")
COMMENT_INPUTS = ("text",)


@blueprint.get("/")
def index() -> str:
    return render_template("posts/index.html.tpl", page=newest(Post.find()), tag=None)


@blueprint.get("/tags/<tag>")
def tagged(tag: str) -> str:
    page = newest(Post.find(tags=tag))
    if not page.total:
        abort(404)
    return render_template("posts/index.html.tpl", page=page, tag=tag)


@blueprint.get("/<object_id:id>")
def show(id: ObjectId) -> str:
    return show_page(Post.get(id))


@blueprint.get("/<object_id:id>/cover")
def cover(id: ObjectId) -> ResponseReturnValue:
    """The cover of a post, `?size=small` a smaller one; `?of=` names which, so that a browser may keep it."""
    file = Post.get(id).cover
    if file is None:
        abort(404)
    is_small = request.args.get("size") == "small"
    shown = file.thumbnail("small") if is_small else file
    answer = shown.response()
    if not is_small or shown is not file:  # until the smaller one is made, the cover itself stands in its place
        answer.cache_control.max_age = 24 * 3600
    return answer


@blueprint.get("/<object_id:id>/attachments/<int:number>")
def attachment(id: ObjectId, number: int) -> ResponseReturnValue:
    """The file of a number, from 0, among those of a post, to be saved."""
    files = Post.get(id).attachments
    if number >= len(files):
        abort(404)
    return files[number].response(download=True)


@blueprint.post("/<object_id:id>/comments")
@login_required
def comment(id: ObjectId) -> ResponseReturnValue:
    post = Post.get(id)
    try:
        written = Comment.new(read_form(COMMENT_INPUTS), COMMENT_INPUTS, author=g.author)
        post.push("comments", written)
    except quorum.ValidationError as error:
        return show_page(post, quorum.translate(error.messages_dict)), 422
    mails.tell_of_comment(post, written)
    flash(_("Thank you for your comment."))
    return redirect(url_for(".show", id=post, _anchor="comments"))


@blueprint.get("/create")
@login_required
def create_form() -> str:
    return edit_page(None, {})


@blueprint.post("/create")
@login_required
def create() -> ResponseReturnValue:
    try:
        post = Post.new(read_post(), POST_INPUTS, author=g.author, **read_files()).save()
    except quorum.ValidationError as error:
        return edit_page(None, request.form, quorum.translate(error.messages_dict)), 422
    flash(_("Your post is published."))
    return redirect(url_for(".show", id=post))


@blueprint.get("/<object_id:id>/update")
@login_required
def update_form(id: ObjectId) -> str:
    post = own_post(id)
    return edit_page(post, {"title": post.title, "body": post.body, "tags": ", ".join(post.tags)})


@blueprint.post("/<object_id:id>/update")
@login_required
def update(id: ObjectId) -> ResponseReturnValue:
    post = own_post(id)
    try:
        post.apply(read_post(), POST_INPUTS, **read_files(post)).save()
    except quorum.ValidationError as error:
        return edit_page(post, request.form, quorum.translate(error.messages_dict)), 422
    except quorum.ConflictError:
        changed = _(
            "This post was changed while you were saving it. Your text is below, not yet saved: "
            "look at the post, then save again."
        )
        flash(changed, "error")
        return edit_page(post, request.form), 409
    flash(_("Your post is saved."))
    return redirect(url_for(".show", id=post))


@blueprint.post("/<object_id:id>/delete")
@login_required
def delete(id: ObjectId) -> ResponseReturnValue:
    own_post(id).delete()
    flash(_("Your post is deleted."))
    return redirect(url_for(".index"))


def newest(query: quorum.Query[Post]) -> quorum.Page[Post]:
    """Give the page of the posts that the request asks for; 404 past the last one."""
    page = query.sort("-created_at").paginate(request.args.get("page", 1), PER_PAGE)
    if page.page > 1 and not page.items:
        abort(404)
    return page


def own_post(id: ObjectId) -> Post:
    """Give a post to its author, and a 403 to anyone else."""
    post = Post.get(id)
    if post.author != g.author:
        abort(403)
    return post


def read_form(inputs: Iterable[str]) -> MultiDict[str, str]:
    """Give the form, trimmed; an input that was not sent is empty."""
    form = MultiDict((name, value.strip()) for name, value in request.form.items(multi=True))
    for name in inputs:
        form.setdefault(name, "")
    return form


def read_post() -> MultiDict[str, str]:
    """Give the form of a post as `Post.new` takes it: with a value for each of the tags."""
    form = read_form(POST_INPUTS)
    tags = form["tags"].lower().replace(",", " ").split()
    form.setlist("tags", list(dict.fromkeys(tags)))
    return form


def read_files(post: Post | None = None) -> dict[str, Any]:
    """Give the files that a post is to have: those of the form, and those that it has and that are not ticked there."""
    removed = request.form.getlist("remove")
    kept = [file for file in post.attachments if file.key not in removed] if post else []
    files: dict[str, Any] = {"attachments": kept + [file for file in request.files.getlist("attachments") if file]}
    if image := request.files.get("cover"):
        files["cover"] = image
    elif "remove_cover" in request.form:
        files["cover"] = None
    return files


def show_page(post: Post, errors: dict[str, Any] | None = None) -> str:
    return render_template("posts/show.html.tpl", post=post, form=request.form, errors=errors or {})


def edit_page(post: Post | None, form: Any, errors: dict[str, Any] | None = None) -> str:
    errors = {name: list(flat(messages)) for name, messages in (errors or {}).items()}
    return render_template("posts/edit.html.tpl", post=post, form=form, errors=errors)


def flat(messages: Any) -> Iterator[str]:
    """Give the messages about a field, those about the items of a list too."""
    for message in messages.values() if isinstance(messages, dict) else messages:
        if isinstance(message, str):
            yield message
        else:
            yield from flat(message)
