"""Where sessions are kept: records in Redis, and which of them are a user's.

Its keys, all of them behind the app's name, and `INSTANCE` where it is set (`blog:blue:`); the braces keep them in one
slot of a cluster:

- `{session}:id:HASH`: a hash with a session's values, `=name` to JSON (`session_values`), and `@made`, `@seen` (seconds
  since 1970, by Redis' clock) and `@user` (the HASH of one). It expires when the session does.
- `{session}:user:HASH`: a sorted set of the hashes of a user's sessions, by the moments when they end at the latest.

HASH is the SHA-256 of the session's id, or of the user. Each method is one script: one round trip, and atomic.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from quorum import redisdb, runtime

#: Seconds to connect, and to wait for an answer: a request that finds no Redis ends within a second.
LIMITS: Final[Mapping[str, float]] = {"socket_connect_timeout": 0.4, "socket_timeout": 0.4}

#: A session that is used is marked as such once in so many seconds.
TOUCH: Final = 60

_BEGINNING = """
local root = KEYS[1]
local now = tonumber(redis.call('TIME')[1])
local function record(id) return root .. 'id:' .. id end
local function index(user) return root .. 'user:' .. user end

-- Deletes a session, and its entry under its user.
local function forget(id)
  local user = redis.call('HGET', record(id), '@user')
  if user then redis.call('ZREM', index(user), id) end
  redis.call('DEL', record(id))
end

-- Sets fields, ARGV[first] pairs of names and values, and deletes those that are named behind them.
local function fill(id, first)
  local last = first + 2 * tonumber(ARGV[first])
  for i = first + 1, last, 2 do redis.call('HSET', record(id), ARGV[i], ARGV[i + 1]) end
  for i = last + 1, #ARGV do redis.call('HDEL', record(id), ARGV[i]) end
end
"""


class _Script:
    """A script, and the hash by which the server knows it."""

    def __init__(self, text: str) -> None:
        self.text = _BEGINNING + text
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


_READ = _Script(
    """
local id, idle, lifetime, touch = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local kind = redis.call('TYPE', record(id))['ok']
if kind ~= 'hash' then return kind end
local times = redis.call('HMGET', record(id), '@made', '@seen')
local made, seen = tonumber(times[1]), tonumber(times[2])
if made and seen then
  if now >= math.min(made + lifetime, seen + idle) then
    forget(id)
    return 'none'
  end
  if now - seen >= touch then
    redis.call('HSET', record(id), '@seen', now)
    redis.call('EXPIRE', record(id), math.min(idle, made + lifetime - now))
  end
end
return redis.call('HGETALL', record(id))
"""
)

_WRITE = _Script(
    """
if redis.call('EXISTS', record(ARGV[1])) == 0 then return 0 end
fill(ARGV[1], 2)
return 1
"""
)

_REPLACE = _Script(
    """
local old, new, user, kept = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
local idle, lifetime = tonumber(ARGV[5]), tonumber(ARGV[6])
if kept then
  if redis.call('EXISTS', record(old)) == 0 then return 0 end
  local before = redis.call('HGET', record(old), '@user')
  if before then redis.call('ZREM', index(before), old) end
  if user == '' then user = before or '' end
  redis.call('RENAME', record(old), record(new))
elseif old ~= '' then
  forget(old)
end
redis.call('HSET', record(new), '@made', now, '@seen', now)
fill(new, 7)
redis.call('EXPIRE', record(new), math.min(idle, lifetime))
if user ~= '' then
  redis.call('HSET', record(new), '@user', user)
  redis.call('ZREMRANGEBYSCORE', index(user), '-inf', now)
  redis.call('ZADD', index(user), now + lifetime, new)
  redis.call('EXPIRE', index(user), lifetime)
end
return 1
"""
)

_FIND = _Script(
    """
local found = {}
for _, id in ipairs(redis.call('ZRANGE', index(ARGV[1]), 0, -1)) do
  local facts = redis.call('HMGET', record(id), '@made', '@seen')
  if facts[1] and facts[2] then
    table.insert(found, {id, facts[1], facts[2]})
  else
    redis.call('ZREM', index(ARGV[1]), id)
  end
end
return found
"""
)

_END = _Script("forget(ARGV[1])")

_END_ALL = _Script(
    """
local ended = 0
for _, id in ipairs(redis.call('ZRANGE', index(ARGV[1]), 0, -1)) do
  ended = ended + redis.call('DEL', record(id))
end
redis.call('DEL', index(ARGV[1]))
return ended
"""
)


class CorruptError(ValueError):
    """What is stored under a session's key is no session."""


@dataclass(frozen=True)
class Entry:
    """One session of a user: its hash, and when it was made and seen last (seconds since 1970)."""

    hash: str
    made: int
    seen: int


def digest(text: str) -> str:
    """Give the SHA-256 of an id or of a user, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


class Store:
    """The sessions of one app. Every method raises OperationalError when Redis does not answer.

    A session is named by the `digest()` of its id, a user by that of what stands for it. `idle` and `lifetime` are the
    seconds after which a session ends: without a request, and at the latest.
    """

    def __init__(self, context: runtime.Context, *, idle: int, lifetime: int) -> None:
        self.context = context
        self._root = f"{context.settings.qualified(':')}:{{session}}:"
        self._idle = idle
        self._lifetime = lifetime

    def read(self, session: str) -> dict[str, bytes] | None:
        """Give the JSON of a session's values by their names, or None if there is no such session. It counts as seen.

        :raises CorruptError: what is stored is something else.
        """
        found = self._run(_READ, session, self._idle, self._lifetime, TOUCH)
        if found == b"none":
            return None
        if isinstance(found, bytes):
            raise CorruptError(f"is a {found.decode()}")
        fields: dict[bytes, bytes] = dict(zip(found[::2], found[1::2], strict=True))
        if not (fields.get(b"@made", b"").isdigit() and fields.get(b"@seen", b"").isdigit()):
            raise CorruptError("has no times")
        return {name[1:].decode(): text for name, text in fields.items() if name.startswith(b"=")}

    def write(self, session: str, changed: Mapping[str, bytes], removed: Iterable[str]) -> bool:
        """Set and remove some values of a session; False if it has ended."""
        return bool(self._run(_WRITE, session, *_fields(changed, removed)))

    def replace(
        self,
        old: str | None,
        new: str,
        changed: Mapping[str, bytes],
        removed: Iterable[str],
        *,
        keep: bool,
        user: str | None = None,
    ) -> bool:
        """Make a session in place of another, which ends; False, and no session is made, if one to keep has ended.

        :param keep: whether the old one's values, and its user unless one is given, are the new one's.
        """
        fields = _fields(changed, removed)
        kept = int(keep and old is not None)
        return bool(self._run(_REPLACE, old or "", new, user or "", kept, self._idle, self._lifetime, *fields))

    def find(self, user: str) -> list[Entry]:
        """Give a user's sessions, the oldest first."""
        return [Entry(name.decode(), int(made), int(seen)) for name, made, seen in self._run(_FIND, user)]

    def end(self, session: str) -> None:
        """End a session."""
        self._run(_END, session)

    def end_all(self, user: str) -> int:
        """End all sessions of a user; give how many there were."""
        return int(self._run(_END_ALL, user))

    def _run(self, script: _Script, *arguments: str | bytes | int) -> Any:
        client = self.context.client(
            "redis.sessions", lambda: redisdb.connect(self.context.settings, LIMITS), redisdb.close
        )
        from redis import exceptions

        with redisdb.translating():
            try:
                return client.evalsha(script.sha, 1, self._root, *arguments)
            except exceptions.NoScriptError:
                return client.eval(script.text, 1, self._root, *arguments)


def _fields(changed: Mapping[str, bytes], removed: Iterable[str]) -> list[str | bytes | int]:
    pairs = [part for name, text in changed.items() for part in (f"={name}", text)]
    return [len(changed), *pairs, *(f"={name}" for name in removed)]
