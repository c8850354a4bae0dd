"""The example posts: stored once, whatever happens; and the blog as `make demo` runs it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
import servers

import quorum

ROOT = Path(__file__).resolve().parents[2]


def counts():
    from blog.models import Author, Post

    return Author.find().count(), Post.find().count()


def test_a_new_blog_is_filled_with_posts_to_read(app, visitor, capsys):
    from blog import demo

    demo.fill()
    assert counts() == (4, len(demo.EXAMPLES))
    assert f"password: {demo.PASSWORD}" in capsys.readouterr().out
    assert 'href="/?page=2"' in visitor.get("/").text
    assert visitor.login("mira", demo.PASSWORD).location == "/"
    for path in ("/", "/?page=2", "/?page=3", "/tags/software", "/tags/reading"):
        assert visitor.get(path).status_code == 200


def test_it_is_filled_once(app):
    from blog import demo
    from blog.models import Post

    demo.fill()
    Post.first(title="Hello").delete()
    demo.fill()
    assert counts() == (4, len(demo.EXAMPLES) - 1)


@pytest.mark.parametrize("written", [0, 1, 3, 4, 10, 16])
def test_filling_that_was_cut_short_is_completed(app, written):
    from blog import demo

    left = iter(range(written))

    def cut_short(sender, document):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with quorum.signals.pre_create.connected_to(cut_short), pytest.raises(KeyboardInterrupt):
        demo.fill()
    assert sum(counts()) == written
    demo.fill()
    assert counts() == (4, len(demo.EXAMPLES))


def test_two_that_fill_at_once_fill_it_once(server_app):
    from blog import demo

    problems = []

    def fill():
        try:
            demo.fill()
        except Exception as error:  # noqa: BLE001
            problems.append(error)

    threads = [threading.Thread(target=fill) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert counts() == (4, len(demo.EXAMPLES))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def test_the_demo_runs_on_the_embedded_database_and_survives_a_kill(tmp_path, blog_folder):
    servers.require("secantus")
    variables = {"MONGOHQ_URL": f"embedded://{tmp_path}/database", "SECRET_KEY": "x", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(blog_folder / "app.py")]
    pages = []
    for stop in (signal.SIGKILL, signal.SIGTERM):
        port = free_port()
        environment = {**variables, "PORT": str(port)}
        with servers.child(command, ready=r"Running on http://127.0.0.1:\d+", cwd=tmp_path, env=environment) as blog:
            assert any("Log in as mira" in line for line in blog.lines)
            pages.append(re.findall(r'href="/([0-9a-f]{24})"', read(f"http://127.0.0.1:{port}/?page=2")))
            os.kill(blog.pid, stop)
    assert pages[0] == pages[1]
    assert len(pages[0]) == 5


def make_demo(folder, *variables):
    """Run `make demo` in an environment that is made already, with an app that only tells its PORT."""
    make = shutil.which("make")
    if make is None:
        servers.missing("make is not installed: apt-get install make")
    programs = folder / "bin"
    programs.mkdir()
    python = programs / "python"
    script = 'case "$1" in app.py) echo "PORT=$PORT";; *) exec "$REAL" "$@";; esac'
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    command = [make, "-o", ".venv/.demo", "-o", ".venv/.made", "demo", f"BIN={programs}", *variables]
    environment = {**os.environ, "REAL": sys.executable}
    environment.pop("PORT", None)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(("variables", "port"), [([], "5000"), (["PORT="], "5000"), (["PORT=5999"], "5999")])
def test_make_demo_serves_on_a_port(tmp_path, variables, port):
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", int(port))) == 0:
            pytest.skip(f"something listens on port {port}")
    answer = make_demo(tmp_path, *variables)
    assert answer.returncode == 0
    assert f"PORT={port}\n" in answer.stdout
    assert "http://" not in answer.stdout


def test_make_demo_says_what_to_do_about_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = make_demo(tmp_path, f"PORT={port}")
    assert answer.returncode != 0
    assert "PORT=" not in answer.stdout
    assert answer.stderr.splitlines()[0] == f"Port {port} is taken. Choose another: make demo PORT={port + 1}"
