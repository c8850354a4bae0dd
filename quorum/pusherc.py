"""The client of Pusher Channels: one for each process and app, made on first use.

`PUSHER_APP_ID`, `PUSHER_KEY`, `PUSHER_SECRET` and `PUSHER_CLUSTER` say whose app it is and where. The secret signs what
is sent; it gets into no message, log or repr.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from . import config, errors, runtime

if TYPE_CHECKING:
    import requests
    from pusher import Pusher

VARIABLES: Final = ("PUSHER_APP_ID", "PUSHER_KEY", "PUSHER_SECRET")

#: Seconds for connecting, and for each wait for the answer.
TIMEOUT: Final = 5

_HINTS = {
    400: "It did not understand the request",
    401: "PUSHER_APP_ID, PUSHER_KEY or PUSHER_SECRET is wrong, or this machine's clock is",
    403: "The app may not do this: it is disabled, or over its limits",
    413: "The event is too large",
}


def get_pusher() -> Pusher:
    """Give this process's one client for the current app: `get_pusher().trigger("posts", "created", {"id": "1"})`.

    Threads may share it. What it sends raises quorum's errors: `OperationalError` where the server does not answer or
    refuses, with the status of its answer as `code`.

    :raises ConfigurationError: nothing is loaded, a variable is missing, or the package is not installed.
    """
    context = runtime.current()
    client: Pusher = context.client("pusher", lambda: _open(context.settings), _close, forget=_close)
    return client


def ping() -> str:
    """Ask the server for the app's channels; give where it is, `Pusher Channels at api-eu.pusher.com`.

    :raises ConfigurationError: as `get_pusher()`.
    :raises OperationalError: the server does not answer, or refuses.
    """
    get_pusher().channels_info()
    return f"Pusher Channels at {_host(runtime.current().settings)}"


def _open(settings: config.Settings) -> Pusher:
    missing = [name for name in VARIABLES if settings.get(name) is None]
    if settings.get("PUSHER_CLUSTER") is None and settings.get("PUSHER_ENDPOINT") is None:
        missing.append("PUSHER_CLUSTER")
    if missing:
        raise errors.ConfigurationError(
            f"Pusher Channels needs {', '.join(missing)}: the values are under App Keys in the app's dashboard."
        )
    try:
        import pusher
    except ImportError as error:
        raise errors.ConfigurationError(
            'Pusher Channels needs the package pusher: pip install "quorum[pusher]".'
        ) from error
    import requests

    where = _endpoint(settings)
    problem = ""
    try:
        return pusher.Pusher(
            *(settings.get(name) for name in VARIABLES),
            ssl=where.scheme == "https",
            host=where.hostname,
            port=where.port,
            timeout=TIMEOUT,
            backend=_Backend,
            session=requests.Session(),
            settings=settings,
        )
    except ValueError as error:
        problem = str(error)
    raise errors.ConfigurationError(f"Pusher's client refuses PUSHER_APP_ID, PUSHER_KEY or PUSHER_SECRET: {problem}.")


class _Backend:
    """Sends the client's requests, and turns what fails into our errors.

    The client's own backend trusts the certificates that came with it years ago, and follows redirects.
    """

    def __init__(self, client: Any, *, session: requests.Session, settings: config.Settings) -> None:
        self.client, self.session, self._settings = client, session, settings

    def send_request(self, request: Any) -> Any:
        import requests

        try:
            answer = self.session.request(
                request.method,
                request.url,
                headers=request.headers,
                data=request.body,
                timeout=self.client.timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            problem = f"does not answer: {type(error).__name__}. Check that this machine can reach it."
            # The cause quotes the URL, which is signed.
            raise self._error(problem) from None
        if answer.status_code not in (200, 202):
            hint = _HINTS.get(answer.status_code, "It can't do what was asked")
            said = " ".join(answer.text[:200].split())
            raise self._error(f"refused: {hint}: {said} (code {answer.status_code})", answer.status_code)
        try:
            return answer.json()
        except ValueError:
            raise self._error("answered with something that is no JSON", answer.status_code) from None

    def _error(self, what: str, code: int | None = None) -> errors.OperationalError:
        text = f"Pusher Channels at {_host(self._settings)} (from {_source(self._settings)}) {what}"
        return errors.OperationalError(text.replace(self._settings.get("PUSHER_SECRET"), "***"), code=code)


def _close(client: Pusher) -> None:
    client._pusher_client.http.session.close()


def _endpoint(settings: config.Settings) -> Any:
    return urlsplit(settings.get("PUSHER_ENDPOINT") or f"https://api-{settings.get('PUSHER_CLUSTER')}.pusher.com")


def _host(settings: config.Settings) -> str:
    return str(_endpoint(settings).netloc.rpartition("@")[2])


def _source(settings: config.Settings) -> str:
    return settings.source("PUSHER_ENDPOINT" if settings.get("PUSHER_ENDPOINT") else "PUSHER_CLUSTER")
