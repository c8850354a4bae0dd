"""Measure what quorum costs on top of smtplib: `python benchmarks/mail.py [--mails N]`.

Both send the same mails, text and HTML, each over one connection of its own to the same server: quorum by `mailer()`
and its templates, smtplib with messages of the standard library's `EmailMessage`, their texts rendered by Flask. They
take turns, 20 mails at a time. The server is aiosmtpd, in a process of its own. The times are those of the clock; the
ratio is the median of all turns' ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import smtplib
import statistics
import sys
import tempfile
import time
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import flask

import quorum

#: How many mails one side sends before it is the other's turn.
TURN = 20

#: The ratio that the project holds itself to.
BAR = 1.2

PLAIN = """Hello {{ name }},

there are {{ number }} new posts on Marginalia:
{% for title in titles %}
- {{ title }}
{% endfor %}
"""
RICH = """<!doctype html>
<body>
<p>Hello {{ name }},</p>
<p>there are {{ number }} new posts on <a href="https://blog.example.org/">Marginalia</a>:</p>
<ul>
{% for title in titles %}  <li>{{ title }}</li>
{% endfor %}
</ul>
</body>
"""
TITLES = [f"A post about subject {number} & more" for number in range(10)]


class Sink:
    """Takes every mail and keeps none."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        return "250 OK"


def serve(ready: Connection) -> None:
    """Run the server; tell the port when it listens."""
    from aiosmtpd.smtp import SMTP

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: SMTP(Sink()), "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def by_smtplib(smtp: smtplib.SMTP, number: int, values: dict[str, Any]) -> None:
    message = EmailMessage(policy.SMTP)
    message["Subject"] = f"{len(TITLES)} new posts"
    message["From"] = "Marginalia <blog@example.org>"
    message["To"] = f"Reader {number} <reader{number}@example.org>"
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = make_msgid(domain="example.org")
    message.set_content(flask.render_template("mail.txt", **values))
    message.add_alternative(flask.render_template("mail.html", **values), subtype="html")
    smtp.send_message(message)


def by_quorum(mailer: Any, number: int, values: dict[str, Any]) -> None:
    mailer.send(
        subject=f"{len(TITLES)} new posts",
        sender="Marginalia <blog@example.org>",
        receivers=[f"Reader {number} <reader{number}@example.org>"],
        plain="mail.txt",
        rich="mail.html",
        context=values,
    )


def timed(send: Any, connection: Any, numbers: range) -> float:
    """Send a mail to some readers; give the seconds a mail that it took."""
    start = time.perf_counter()
    for number in numbers:
        send(connection, number, {"name": f"Reader {number}", "number": len(TITLES), "titles": TITLES})
    return (time.perf_counter() - start) / len(numbers)


def measure(app: flask.Flask, port: int, mails: int) -> list[tuple[float, float]]:
    """Give the seconds a mail of each turn, quorum's and smtplib's."""
    turns = []
    with app.app_context(), quorum.mailer() as mailer, smtplib.SMTP("127.0.0.1", port, "localhost", timeout=10) as smtp:
        for start in range(0, mails, TURN):
            sides = [(by_quorum, mailer), (by_smtplib, smtp)]
            # Whoever comes second finds the machine as the first one left it.
            order = sides if start // TURN % 2 else sides[::-1]
            took = {send: timed(send, connection, range(start, start + TURN)) for send, connection in order}
            turns.append((took[by_quorum], took[by_smtplib]))
    # The first turns compile the templates.
    return turns[2:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=1000, help="of each side")
    options = parser.parse_args()
    here, there = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        if not here.poll(30):
            sys.exit("The server did not start.")
        port = here.recv()
        os.environ.update(MONGOHQ_URL="mongomock://", SMTP_HOST=f"127.0.0.1:{port}")
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "mail.txt").write_text(PLAIN)
            Path(folder, "mail.html").write_text(RICH)
            app = quorum.load(flask.Flask("benchmark", template_folder=folder))
            turns = measure(app, port, options.mails + 2 * TURN)
            quorum.unload()
    finally:
        server.terminate()
        server.join()
    ratio = statistics.median(ours / plain for ours, plain in turns)
    ours, plain = (statistics.median(side) * 1e3 for side in zip(*turns, strict=True))
    met = "yes" if ratio <= BAR else "no"
    print(f"{len(turns) * TURN} mails of each side, in ms a mail")
    print(f"smtplib {plain:.2f}   quorum {ours:.2f}   ratio {ratio:.2f}   bar {BAR}   met {met}")


if __name__ == "__main__":
    main()
