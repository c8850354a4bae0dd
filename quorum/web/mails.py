"""Mail of an app: `send_mail()`, `mailer()`, and the templates that mails are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypedDict, Unpack

from flask import Flask

from quorum import config, errors, mail, runtime
from quorum.mail import outlets
from quorum.mail.addresses import Given
from quorum.mail.parts import Source

from . import mailjobs, mailtemplates

#: The sender in an app that has no mail server, where mail does not leave the machine.
NOBODY: Final = "quorum@localhost"


class More(TypedDict, total=False):
    """What a mail can have beside texts and receivers.

    `cc`, `bcc`: more receivers, those of `bcc` unseen by the others. `reply_to`: where answers go. `headers`: more
    headers by name. `attachments`: paths, stored files, `(name, bytes, content type)`. `inline`: images, by the names
    that the rich part shows as `cid:name`. `unsubscribe`: URLs for `List-Unsubscribe`, `https:` or `mailto:`; the first
    kind must take a POST. `locale`: of the receiver; the current one if not given.
    """

    cc: Iterable[Given]
    bcc: Iterable[Given]
    reply_to: Given | None
    headers: Mapping[str, str] | None
    attachments: Iterable[Source]
    inline: Mapping[str, Source] | None
    unsubscribe: str | Iterable[str]
    locale: str | None


def send_mail(
    app: Flask | None = None,
    subject: str = "",
    sender: Given | None = None,
    receivers: Iterable[Given] = [],
    data: str | None = None,
    plain: str | None = None,
    rich: str | None = None,
    context: Mapping[str, Any] = {},
    **more: Unpack[More],
) -> mail.Receipt:
    """Send a mail with a plain and a rich part, and wait until the server has taken it.

    Receivers that the server refused for now are tried again for some seconds, the others are not; the receipt tells
    which ones it refused.

    :param app: the app whose templates, variables and server are used; the current one if not given.
    :param sender: `"Name <mail@host>"`, `("Name", "mail@host")` or an address; `SMTP_USER` if not given.
    :param receivers: addresses, each in one of these forms.
    :param data: the text of the parts that have no template, escaped in the rich part.
    :param plain: the name of the plain part's template; with neither this nor `data`, it is made from the rich part.
    :param rich: the name of the rich part's template, which is escaped whatever its name is.
    :param context: the values that the templates see, beside those of the app.
    :param more: `cc`, `bcc`, `reply_to`, `headers`, `attachments`, `inline`, `unsubscribe`, `locale`; see `More`.
    :raises ValidationError: an address, a header or a file can't be part of a mail; nothing was sent.
    :raises MailError: the server took the mail for nobody.
    :raises ConfigurationError: there is no server, no sender or no text, or a package is missing.
    """
    with mailer(app) as opened:
        return opened.send(subject, sender, receivers, data, plain, rich, context, **more)


def send_mail_a(
    app: Flask | None = None,
    subject: str = "",
    sender: Given | None = None,
    receivers: Iterable[Given] = [],
    data: str | None = None,
    plain: str | None = None,
    rich: str | None = None,
    context: Mapping[str, Any] = {},
    **more: Unpack[More],
) -> mailjobs.MailHandle:
    """Send a mail in the background, where the app's jobs run; what is wrong with the mail itself is told at once.

    Its handle's `result(timeout)` is the `Receipt`. With `load(execution="queue")` workers send it; they try a
    temporary failure again for half an hour, a permanent one not.

    :raises ValidationError: as `send_mail()`.
    :raises ConfigurationError: as `send_mail()`, or the app has no jobs.
    :raises OperationalError: the broker did not take the job.
    """
    settled = _context(app)
    # That there is a server is seen here, where somebody can be told.
    outlets.connect(settled).close()
    made = compose(settled, subject, sender, receivers, data, plain, rich, context, more)
    with settled.enter():
        return mailjobs.send(made)


class Mailer:
    """Sends several mails over one connection; see `mailer()`."""

    def __init__(self, context: runtime.Context) -> None:
        self._context = context
        self._outlet = outlets.connect(context)

    def send(
        self,
        subject: str = "",
        sender: Given | None = None,
        receivers: Iterable[Given] = [],
        data: str | None = None,
        plain: str | None = None,
        rich: str | None = None,
        context: Mapping[str, Any] = {},
        **more: Unpack[More],
    ) -> mail.Receipt:
        """Send a mail; arguments and errors are those of `send_mail()`."""
        return self._outlet.send(compose(self._context, subject, sender, receivers, data, plain, rich, context, more))

    def close(self) -> None:
        """Leave the server."""
        self._outlet.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def mailer(app: Flask | None = None) -> Mailer:
    """Open a way for several mails: `with quorum.mailer() as m: m.send(...)`. For one thread.

    :raises ConfigurationError: there is no server, or nothing is loaded.
    """
    return Mailer(_context(app))


def compose(
    context: runtime.Context,
    subject: str,
    sender: Given | None,
    receivers: Iterable[Given],
    data: str | None,
    plain: str | None,
    rich: str | None,
    values: Mapping[str, Any],
    more: More,
) -> mail.Mail:
    """Make the mail that `send_mail()` sends."""
    options: dict[str, Any] = dict(more)
    with mailtemplates.speaking(context.app, options.pop("locale", None)):
        subject, text = _spoken(subject), _spoken(data)
        plain_text = text if plain is None else mailtemplates.render(context, plain, values, escaped=False)
        rich_text = None if text is None else mail.html_of(text)
        if rich is not None:
            rich_text = mailtemplates.render(context, rich, values, escaped=True)
    if sender is None:
        sender = _default_sender(context.settings)
    return mail.compose(subject, sender, receivers, plain=plain_text, rich=rich_text, **options)


def _spoken(text: Any) -> Any:
    """Give a text in the language of now: it may be one of Flask-Babel's lazy ones."""
    return None if text is None else str(text)


def _default_sender(settings: config.Settings) -> str:
    user: str | None = settings.get("SMTP_USER")
    if user is None and settings.get("SMTP_HOST") is None:
        return NOBODY
    if user is None or "@" not in user:
        raise errors.ConfigurationError("The mail has no sender: give one, or set SMTP_USER to a mail address.")
    return user


def _context(app: Flask | None) -> runtime.Context:
    if app is None:
        return runtime.current()
    if not isinstance(app, Flask):
        raise TypeError(f"app must be a Flask app, not a {type(app).__name__}; the subject is send_mail(subject=...).")
    context: runtime.Context | None = app.extensions.get("quorum")
    if context is None:
        raise errors.ConfigurationError(f"The app {app.name!r} is not loaded. Call quorum.load(app) first.")
    return context
