"""Slow database commands are logged with the shape of their filters."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pymongo
import pytest

from quorum import config, mongodb, runtime, slow

C = "c4n4ry"

COMMANDS = [
    ({"find": "posts", "filter": {"title": C}}, 'find posts, filter {"title": "?"}'),
    (
        {"find": "posts", "filter": {"n": {"$gt": 41, "$in": [C]}, "at": datetime.now(UTC)}, "sort": {"n": -1}},
        'find posts, filter {"n": {"$gt": "?", "$in": "?"}, "at": "?"}, sort {"n": -1}',
    ),
    (
        {"find": "posts", "filter": {"$or": [{"a": C}, {"b": {"$elemMatch": {"c": C}}}]}},
        'find posts, filter {"$or": [{"a": "?"}, {"b": {"$elemMatch": {"c": "?"}}}]}',
    ),
    ({"find": "posts", "filter": {"$expr": {"$eq": ["$a", C]}}}, 'find posts, filter {"$expr": "?"}'),
    ({"find": "posts", "filter": {"meta": {C: C}}}, 'find posts, filter {"meta": "?"}'),
    ({"count": "posts", "query": {"a": C}}, 'count posts, filter {"a": "?"}'),
    (
        {"aggregate": "posts", "pipeline": [{"$match": {"a": C}}, {"$project": {C: 1}}]},
        'aggregate posts, pipeline [{"$match": {"a": "?"}}, {"$project": "?"}]',
    ),
    (
        {"update": "posts", "updates": [{"q": {"_id": C}, "u": {"$set": {C: C}}}]},
        'update posts, 1 of them, the first with filter {"_id": "?"}',
    ),
    ({"delete": "posts", "deletes": [{"q": {}}]}, "delete posts, 1 of them, the first with filter {}"),
    ({"insert": "posts", "documents": [{C: C}, {}]}, "insert posts, 2 of them"),
    ({"getMore": 77, "collection": "posts"}, "getMore posts"),
    ({"aggregate": 1, "pipeline": []}, "aggregate, pipeline []"),
    ({"ping": 1}, "ping"),
]


@pytest.mark.promise("L1")
@pytest.mark.parametrize(("command", "told"), COMMANDS)
def test_a_command_is_described_without_a_value(command, told):
    assert slow.describe(command) == told
    assert C not in told


def test_a_description_has_an_end():
    assert len(slow.describe({"find": "posts", "filter": {f"field{n}": n for n in range(1000)}})) < 1100


@pytest.fixture
def context(mongo_url):
    def start(logger=None, **variables):
        context = runtime.Context(config.Settings.load({"MONGOHQ_URL": mongo_url, **variables}), logger=logger)
        runtime.start(context)
        return context

    yield start
    while (context := runtime.last()) is not None:
        runtime.stop(context)


def find_slowly(mongo_url):
    posts = mongodb.get_mongo_db().posts
    posts.insert_one({"title": C})
    block = {"failCommands": ["find"], "blockConnection": True, "blockTimeMS": 120}
    with pymongo.MongoClient(mongo_url) as client:
        client.admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data=block)
        try:
            posts.find_one({"title": C})
        finally:
            client.admin.command("configureFailPoint", "failCommand", mode="off")


@pytest.mark.parametrize(("logger", "variables"), [("shop", {}), (None, {"SLOW_MS": 50})])
def test_a_slow_command_is_a_warning(context, mongo_url, caplog, logger, variables):
    context(logger, **variables)
    with caplog.at_level(logging.WARNING, "quorum.slow"):
        find_slowly(mongo_url)
    # On a machine that is busy others are slow too.
    (record,) = [record for record in caplog.records if "find" in record.getMessage()]
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith('Slow command: find posts, filter {"title": "?"} took 1')
    assert C not in caplog.text


@pytest.mark.parametrize(("logger", "variables"), [(None, {}), ("shop", {"SLOW_MS": 0}), ("shop", {"SLOW_MS": 60_000})])
def test_a_command_that_nobody_calls_slow_is_not_told(context, mongo_url, caplog, logger, variables):
    context(logger, **variables)
    find_slowly(mongo_url)
    assert caplog.records == []
