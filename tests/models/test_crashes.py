"""A process that dies anywhere in a save, a replace or a delete leaves nothing that the check does not put right."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import files_user
import flask
import pytest
import servers

import quorum
from quorum.models import orphans

SCRIPT = Path(files_user.__file__)


def run(folder, kill_at):
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[1])}
    return subprocess.run(
        [sys.executable, SCRIPT, folder, str(kill_at)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def check(folder):
    """Load the app as after a restart: check, repair, check again."""
    quorum.load(flask.Flask("files", instance_path=str(folder)), models=[files_user.Post])
    try:
        found = orphans.check(timedelta(0))
        assert found.missing == []
        orphans.repair(found)
        again = orphans.check(timedelta(0))
        assert (again.unnamed, again.leftovers, again.missing, again.unmade) == ([], [], [], [])
        for post in files_user.Post.find():
            small = [] if post.cover is None else [post.cover.thumbnails["small"]]
            for file in filter(None, [post.cover, *small, *post.attachments]):
                assert len(file.read()) == file.size
        return len(found.unnamed) + len(found.leftovers) + len(found.unmade)
    finally:
        quorum.unload()


@pytest.mark.promise("U1", "U7", "U9")
@pytest.mark.parametrize("place", ["folder", "moto", servers.SWIFT])
@pytest.mark.parametrize("points", [3, *(pytest.param(range(n, 50, 5), marks=pytest.mark.soak) for n in range(5))])
def test_a_kill_at_any_point_is_repaired(request, monkeypatch, tmp_path, mongo_url, place, points):
    """At 3 points, or at all of 50 in five parts."""
    if place != "folder":
        request.getfixturevalue("bucket")(request.getfixturevalue(place))
    monkeypatch.setenv("MONGOHQ_URL", mongo_url)
    whole = run(tmp_path, 0)
    assert whole.returncode == 0, whole.stderr
    assert check(tmp_path) == 0
    lines = int(whole.stdout)
    found = 0
    every, points = (50, points) if isinstance(points, range) else (points, range(points))
    for point in points:
        assert run(tmp_path, 1 + lines * (2 * point + 1) // (2 * every)).returncode == -signal.SIGKILL
        found += check(tmp_path)
    assert found or every < 50, "not one kill left anything to repair"
