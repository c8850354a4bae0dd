"""From this process to the mail server: TLS, login, and what becomes of each receiver."""

from __future__ import annotations

import contextlib
import io
import smtplib
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from quorum import errors

from .message import Mail
from .server import TLS, Server

#: Seconds before the second and the third attempt, after a temporary failure. Longer waits are for jobs.
PAUSES: Final = (0.5, 2.0)

# How much of a mail goes out in one step, so that the time limit is one for a slow network, not for a large mail.
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Refusal:
    """Why a receiver did not get a mail.

    `code` is SMTP's, or None where there was no answer; `text` is what the server said, or what went wrong;
    `is_temporary` says whether the same mail may be taken later.
    """

    code: int | None
    text: str
    is_temporary: bool


@dataclass(frozen=True)
class Receipt:
    """What a mail server took over.

    `accepted` are the addresses that it took the mail for, `refused` has its `Refusal` for each of the others.
    """

    message_id: str
    accepted: tuple[str, ...]
    refused: Mapping[str, Refusal]


class _Reader(io.RawIOBase):
    """Reads from a socket until a deadline: the socket's own limit begins anew with each byte that arrives."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.deadline = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        return self._sock.recv_into(buffer)


class _Steps:
    """Sends a mail in steps, and reads each answer, within one time limit each."""

    sock: socket.socket | None
    file: Any
    timeout: float

    def send(self, s: Any) -> None:
        for start in range(0, len(s), _CHUNK):
            super().send(s[start : start + _CHUNK])  # type: ignore[misc]

    def getreply(self) -> tuple[int, bytes]:
        assert self.sock is not None
        if self.file is None:
            self.file = io.BufferedReader(_Reader(self.sock))
        self.file.raw.deadline = time.monotonic() + self.timeout
        answer: tuple[int, bytes] = super().getreply()  # type: ignore[misc]
        self.sock.settimeout(self.timeout)
        return answer


class _SMTP(_Steps, smtplib.SMTP):
    pass


class _SMTPS(_Steps, smtplib.SMTP_SSL):
    pass


class Connection:
    """A connection to a mail server, opened for the first mail, and again when it broke. For one thread at a time."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._smtp: smtplib.SMTP | None = None

    def send(self, mail: Mail) -> Receipt:
        """Hand a mail to the server; where it was refused for now, it is tried again with the same Message-ID.

        A server that was silent for the whole time limit is not tried again: somebody may be waiting.

        :raises MailError: the server took the mail for nobody.
        """
        waiting: Sequence[str] = mail.receivers
        accepted: list[str] = []
        refused: dict[str, Refusal] = {}
        failure: errors.MailError | None = None
        for pause in (*PAUSES, None):
            failure, answers = self._attempt(mail, waiting)
            accepted += [receiver for receiver in waiting if receiver not in answers]
            refused.update(answers)
            waiting = [receiver for receiver, refusal in answers.items() if refusal.is_temporary]
            if not waiting or pause is None or _is_silence(failure):
                break
            time.sleep(pause)
        refused = {receiver: refusal for receiver, refusal in refused.items() if receiver not in accepted}
        if accepted:
            return Receipt(mail.message_id, tuple(accepted), refused)
        failure = failure or self._refused(refused)
        failure.message_id, failure.refused = mail.message_id, refused
        raise failure

    def check(self) -> str:
        """Connect and log in; say how the server is reached.

        :raises MailError: it does not answer, or refuses us.
        """
        try:
            self._smtp = self._open()
        except OSError as error:
            failure = self._translate(error)
        else:
            version = self._smtp.sock.version() if isinstance(self._smtp.sock, ssl.SSLSocket) else "no TLS"
            login = "no login" if self.server.password is None else f"as {self.server.user}"
            return f"{self.server} answers ({version}, {login})"
        raise failure

    def close(self) -> None:
        """Say goodbye to the server, if it is there."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            # What was sent is sent, also for a server that leaves without a word.
            with contextlib.suppress(OSError):
                smtp.quit()
            smtp.close()

    def _attempt(self, mail: Mail, receivers: Sequence[str]) -> tuple[errors.MailError | None, dict[str, Refusal]]:
        """Try to send a mail once; give what prevented it for all, if anything, and who was refused."""
        failure, answers = None, {}
        try:
            self._smtp = self._smtp or self._open()
            answers = self._smtp.sendmail(mail.sender, list(receivers), mail.content)
        except smtplib.SMTPRecipientsRefused as error:
            # Who was not asked any more, as the server hung up, is not among them, and got nothing either.
            answers = {receiver: error.recipients.get(receiver, (421, b"")) for receiver in receivers}
        except OSError as error:
            failure = self._translate(error)
            self._abandon(answered=isinstance(error, smtplib.SMTPResponseException))
        if self._smtp is not None and self._smtp.sock is None:
            self._smtp = None
        if failure is not None:
            return failure, dict.fromkeys(receivers, Refusal(failure.code, str(failure), failure.is_temporary))
        return None, {
            receiver: Refusal(code, self.server.shown(text), 400 <= code < 500)
            for receiver, (code, text) in answers.items()
        }

    def _abandon(self, *, answered: bool) -> None:
        """End the mail that failed, so that the next one can begin; without an answer, end the connection."""
        if self._smtp is not None and answered:
            # smtplib does not where DATA itself is refused. If the server hung up, there is nothing to end.
            with contextlib.suppress(OSError):
                self._smtp.rset()
        elif self._smtp is not None:
            self._smtp.close()

    def _open(self) -> smtplib.SMTP:
        server = self.server
        context = ssl.create_default_context()
        if server.port == TLS:
            smtp: smtplib.SMTP = _SMTPS(server.host, server.port, server.name, timeout=server.timeout, context=context)
        else:
            smtp = _SMTP(server.host, server.port, server.name, timeout=server.timeout)
        try:
            smtp.ehlo_or_helo_if_needed()
            if server.port != TLS and server.starttls:
                self._secure(smtp, context)
            if server.user is not None and server.password is not None:
                smtp.login(server.user, server.password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _secure(self, smtp: smtplib.SMTP, context: ssl.SSLContext) -> None:
        if smtp.has_extn("starttls"):
            smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
        elif self.server.password is not None:
            raise smtplib.SMTPNotSupportedError(
                "it offers no TLS, and SMTP_PASSWORD is not sent without it. Use its port for TLS, 465 say; or set "
                "SMTP_STARTTLS=0 where nobody else can listen"
            )

    def _translate(self, error: OSError) -> errors.MailError:
        """Give our error for one of smtplib's. What a server says of a login is not chained: it may quote it."""
        code, is_temporary = None, True
        if isinstance(error, smtplib.SMTPResponseException):
            code, is_temporary = error.smtp_code, 400 <= error.smtp_code < 500
            what = "refused the login" if isinstance(error, smtplib.SMTPAuthenticationError) else "refused the mail"
            text = f"{self.server} {what}: {code} {self.server.shown(error.smtp_error)}"
        elif isinstance(error, (smtplib.SMTPServerDisconnected, ssl.SSLEOFError)):
            text = f"{self.server} {self._silence() if _is_timeout(error) else 'hung up'}"
        elif isinstance(error, ssl.SSLCertVerificationError):
            is_temporary = False
            text = f"{self.server} has a certificate that can't be trusted: {error.verify_message}"
        elif isinstance(error, (ssl.SSLError, smtplib.SMTPException)):
            is_temporary = False
            text = f"{self.server} can't be used: {error.reason if isinstance(error, ssl.SSLError) else error}"
        else:
            reason = self._silence() if _is_timeout(error) else f"can't be reached: {error.strerror}"
            text = f"{self.server} {reason}"
        failure = errors.MailError(f"{text}.", code=code, is_temporary=is_temporary)
        if not isinstance(error, smtplib.SMTPAuthenticationError):
            failure.__cause__ = error
        return failure

    def _silence(self) -> str:
        return f"did not answer within {self.server.timeout:g} s (SMTP_TIMEOUT)"

    def _refused(self, refused: Mapping[str, Refusal]) -> errors.MailError:
        first = min(refused.values(), key=lambda refusal: refusal.is_temporary)
        return errors.MailError(
            f"{self.server} refused all {len(refused)} receivers: {first.code} {first.text}",
            code=first.code,
            is_temporary=any(refusal.is_temporary for refusal in refused.values()),
        )


def _is_timeout(error: BaseException | None) -> bool:
    """Say whether a time limit was reached: smtplib has errors of its own for that, raised while handling it."""
    return isinstance(error, TimeoutError) or (error is not None and isinstance(error.__context__, TimeoutError))


def _is_silence(failure: errors.MailError | None) -> bool:
    return failure is not None and _is_timeout(failure.__cause__)
