"""A mail server for tests, aiosmtpd in a thread: it keeps what arrives, and fails as it is told to."""

from __future__ import annotations

import asyncio
import email
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

USER, PASSWORD = "blog@example.org", "correct horse battery staple"


class Certificates:
    """Certificates of an authority of our own: `right` is for 127.0.0.1, `wrong` for another host."""

    def __init__(self, folder: Path) -> None:
        trustme = pytest.importorskip("trustme")
        authority = trustme.CA()
        self.authority = folder / "authority.pem"
        authority.cert_pem.write_to_path(self.authority)
        self.right = self._context(authority.issue_cert("127.0.0.1", "localhost"))
        self.wrong = self._context(authority.issue_cert("mail.example.com"))

    @staticmethod
    def _context(certificate: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context


@dataclass(frozen=True)
class Arrived:
    """A mail that the server took: its envelope, its bytes, and how it came."""

    sender: str
    receivers: tuple[str, ...]
    content: bytes
    is_encrypted: bool
    connection: int

    @property
    def message(self) -> EmailMessage:
        message = email.message_from_bytes(self.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message


@dataclass
class Mailserver:
    """What a server got, and how it is to behave.

    `answers` has replies by the command, "MAIL", "RCPT" or "DATA", or by a receiver's address, each used once, in
    order: a text is sent in place of the usual reply; "drop" hangs up, of DATA when the mail was read; "wait" says
    nothing.
    `refused` are receivers with the reply that they always get.
    """

    host: str = "127.0.0.1"
    port: int = 0
    mails: list[Arrived] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    tried: list[bytes] = field(default_factory=list)
    logins: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    connections: int = 0

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    async def answer(self, key: str, server: Any) -> str | None:
        """Give the reply that was ordered for a command, if any."""
        answer = next(iter(self.answers.get(key, ())), None)
        if answer is not None:
            self.answers[key].pop(0)
        if answer == "drop":
            server.transport.abort()
            return "421 gone"
        if answer == "wait":
            await asyncio.sleep(60)
        return answer

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        self.seen.append("MAIL")
        reply = await self.answer("MAIL", server)
        if reply is None:
            envelope.mail_from = address
        return reply or "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        self.seen.append(f"RCPT {address}")
        reply = await self.answer("RCPT", server) or await self.answer(address, server) or self.refused.get(address)
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.seen.append("DATA")
        self.tried.append(envelope.original_content)
        reply = await self.answer("DATA", server)
        if reply is None:
            number = server.transport.get_extra_info("peername")[1]
            receivers = tuple(envelope.rcpt_tos)
            encrypted = session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None
            self.mails.append(Arrived(envelope.mail_from, receivers, envelope.original_content, encrypted, number))
        return reply or "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        from aiosmtpd.smtp import AuthResult

        self.logins.append((mechanism, data.login, data.password))
        success = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=success, handled=False)


@contextmanager
def mailserver(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, auth: bool = False, **options: Any
) -> Iterator[Mailserver]:
    """Run a server that listens on a free port of 127.0.0.1.

    :param starttls: offers STARTTLS, with this certificate.
    :param tls: talks TLS from the start.
    :param auth: wants a login as `USER` with `PASSWORD`.
    :param options: more of aiosmtpd's `SMTP`.
    """
    smtp = pytest.importorskip("aiosmtpd.smtp")
    state = Mailserver()
    settings = {
        "tls_context": starttls,
        "authenticator": state.authenticate if auth else None,
        "auth_required": auth,
        "auth_require_tls": starttls is not None,
        **options,
    }
    loop = asyncio.new_event_loop()

    def protocol() -> Any:
        state.connections += 1
        return smtp.SMTP(state, hostname="mail.example.org", loop=loop, **settings)

    server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=tls))
    state.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:

        async def end() -> None:
            server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
