"""Mail as jobs: sent in the background, by this process or by workers, with a handle that gives the receipt."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from quorum import errors, jobs, mail, runtime
from quorum.jobs.registry import RefusedError
from quorum.mail import keeping, outlets

_log = logging.getLogger(__name__)

#: Seconds after which workers try the receivers again that were refused for now while others got the mail.
LATER: Final = 60.0


class MailHandle(jobs.Handle):
    """The job of a mail: `result()` is the `Receipt`, which tells the receivers that were refused."""

    __slots__ = ("_job",)

    def __init__(self, job: jobs.Handle) -> None:
        super().__init__(job.name)
        self._job = job

    @property
    def progress(self) -> tuple[int, int] | None:
        return self._job.progress

    @property
    def state(self) -> jobs.State:
        return self._job.state

    def result(self, timeout: float) -> mail.Receipt:
        """Wait until the mail is sent.

        :param timeout: seconds.
        :raises TimeoutError: it was not by then; it may be later.
        :raises MailError: the server took it for nobody, in this process.
        :raises JobError: so it was with a worker; or the job was cancelled or dropped.
        """
        sent = self._job.result(timeout)
        refused = {receiver: mail.Refusal(**facts) for receiver, facts in sent["refused"].items()}
        return mail.Receipt(sent["message_id"], tuple(sent["accepted"]), refused)

    def cancel(self) -> bool:
        return self._job.cancel()


def send(made: mail.Mail) -> MailHandle:
    """Send a mail in the background of the current app.

    :raises ConfigurationError: the app has no jobs, or the mail is too large for its workers.
    :raises OperationalError: the broker did not take the job, or the database a large mail.
    """
    content: str | None = made.content.decode("ascii")
    if runtime.current().execution == "queue" and len(made.content) > keeping.SMALL:
        keeping.keep(made.message_id, made.content)
        content = None
    return MailHandle(jobs.run_background(deliver, [made.message_id, made.sender, list(made.receivers), content]))


@jobs.job(retries=12, backoff="2s", result=True)
def deliver(message_id: str, sender: str, receivers: Sequence[str], content: str | None) -> dict[str, Any]:
    """Send a mail, from a job; give the receipt as JSON.

    :param content: the mail; None where it is kept in the database.
    :raises MailError: the server took the mail for nobody.
    """
    data = keeping.fetch(message_id) if content is None else content.encode("ascii")
    is_queue = runtime.current().execution == "queue"
    outlet = outlets.connect(runtime.current())
    try:
        receipt = outlet.send(mail.Mail(sender, tuple(receivers), message_id, data))
    except errors.MailError as error:
        if is_queue and not error.is_temporary:
            # It would be refused again, however often a worker tries.
            raise RefusedError(str(error)) from error
        raise
    finally:
        outlet.close()
    waiting = [receiver for receiver, refusal in receipt.refused.items() if refusal.is_temporary]
    if is_queue and waiting:
        # A retry of this job would send the mail again to those who have it.
        jobs.run_background(deliver, [message_id, sender, waiting, content], target_time=time.time() + LATER)
    elif content is None:
        keeping.drop(message_id)
    if receipt.refused:
        codes = ", ".join(sorted({str(refusal.code) for refusal in receipt.refused.values()}))
        refused, count = len(receipt.refused), len(receivers)
        _log.warning("The mail %s was refused for %d of %d receivers: %s.", message_id, refused, count, codes)
    return asdict(receipt)
