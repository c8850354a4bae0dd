"""Every variable once: name, type, default, meaning, and how its text is read.

The functions that read a text raise ValueError with a sentence's end, `is not an integer`, that never quotes the text:
it may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

#: What a variable's value can be.
Value = str | bytes | int | float | bool | None

# Compiled by the first value that is read: importing quorum is to cost nothing for variables that are not set.
_INTEGER = r"[+-]?[0-9]+"
_NUMBER = r"[0-9]+(\.[0-9]+)?"
_WORD = r"[A-Za-z0-9]([A-Za-z0-9_-]{0,30}[A-Za-z0-9])?"
_NAME = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
_PATH = r"(/[A-Za-z0-9_.-]+){1,16}"
_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
# The last are bytes of the environment that are not UTF-8, and halves of surrogate pairs of a file.
_CONTROL = r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]"
_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_MONGO_SCHEMES = ("mongodb", "mongodb+srv", "mongomock", "embedded")


def string(text: str) -> str:
    """Read a line of text.

    :raises ValueError: it has a line break or another control character, or is not UTF-8.
    """
    if re.search(_CONTROL, text):
        raise ValueError("has a line break or another control character, or is not UTF-8")
    return text


def integer(text: str) -> int:
    """Read an integer in ASCII digits.

    :raises ValueError: it is something else.
    """
    if not re.fullmatch(_INTEGER, text.strip()) or len(text) > 20:
        raise ValueError("is not an integer")
    return int(text)


def boolean(text: str) -> bool:
    """Read a boolean: 1, true, yes, on or 0, false, no, off, in any case.

    :raises ValueError: it is something else.
    """
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError:
        raise ValueError("is not a boolean: use 1, true, yes, on or 0, false, no, off") from None


def whole(least: int, most: int, problem: str) -> Callable[[str], int]:
    """Make a function that reads a whole number between two others; `problem` is what it says of another."""

    def read(text: str) -> int:
        number = integer(text)
        if not least <= number <= most:
            raise ValueError(problem)
        return number

    return read


#: A port; 0 is any free one.
port = whole(0, 65535, "is not a port: ports go from 0 to 65535")

#: How many there are to be of something.
count = whole(1, 1000, "is not a number from 1 to 1000")

#: A time in milliseconds.
milliseconds = whole(0, 86_400_000, "is not a number of milliseconds from 0 to 86400000")

#: How long something lasts, in seconds: 5 minutes to a year.
lifetime = whole(300, 31_536_000, "is not a number of seconds from 300 to 31536000")


def seconds(text: str) -> float:
    """Read a time in seconds, 0 to 86,400; fractions are written with a point.

    :raises ValueError: it is something else.
    """
    if not re.fullmatch(_NUMBER, text.strip()) or float(text) > 86_400:
        raise ValueError("is not a number of seconds from 0 to 86400")
    return float(text)


def path(text: str) -> str:
    """Read the path of a page: `/health`.

    :raises ValueError: it is something else.
    """
    if not re.fullmatch(_PATH, text):
        raise ValueError("must begin with / and have letters, digits, -, _, . and single slashes")
    return text


def word(text: str) -> str:
    """Read a word that is safe in names of files, databases, keys and queues.

    :raises ValueError: it is something else.
    """
    if not re.fullmatch(_WORD, text):
        raise ValueError("must have 1 to 32 letters (a-z), digits, - and _, and begin and end with a letter or digit")
    return text


def host(text: str) -> str:
    """Read the name or the IP address of a host.

    :raises ValueError: it is something else; a port or a scheme does not belong to it.
    """
    if not re.fullmatch(_NAME, text):
        import ipaddress

        try:
            ipaddress.ip_address(text)
        except ValueError:
            raise ValueError("is not the name or the IP address of a host") from None
    return text


def host_and_port(text: str) -> str:
    """Read `host` or `host:port`; an IPv6 address with a port is in brackets.

    :raises ValueError: it is something else.
    """
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", text)
    name, number = bracketed.groups() if bracketed else (text, None)
    if not bracketed and text.count(":") == 1:
        name, number = text.split(":")
    host(name)
    if number is not None:
        port(number)
    return text


def bucket(text: str) -> str:
    """Read the name of a bucket, by Amazon's rules for it.

    :raises ValueError: it is something else.
    """
    if not re.fullmatch(_BUCKET, text) or ".." in text:
        raise ValueError("is no bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens")
    return text


def prefix(text: str) -> str:
    """Read the beginning of keys: words with slashes between them, and one at its end if there is none.

    :raises ValueError: it is something else.
    """
    parts = text.removesuffix("/").split("/")
    if not all(re.fullmatch(_WORD, part) for part in parts):
        raise ValueError("must be words of letters, digits, - and _, with slashes between them")
    return "/".join(parts) + "/"


def choice(*choices: str, upper: bool = False) -> Callable[[str], str]:
    """Make a function that reads one of some words, in any case."""

    def read(text: str) -> str:
        chosen = text.strip().upper() if upper else text.strip().lower()
        if chosen not in choices:
            raise ValueError(f"is none of {', '.join(choices)}")
        return chosen

    return read


def url(*schemes: str) -> Callable[[str], str]:
    """Make a function that reads a URL with a host and one of some schemes."""

    def read(text: str) -> str:
        scheme, separator, rest = text.strip().partition("://")
        if not separator or scheme.lower() not in schemes:
            raise ValueError("must begin with one of " + ", ".join(f"{scheme}://" for scheme in schemes))
        read_url = f"{scheme.lower()}://{rest}"
        problem = ""
        try:
            # There are several hosts in the URLs of Sentinels and clusters, which urlsplit may refuse to split.
            netloc = re.split("[/?#]", rest, maxsplit=1)[0]
            hosts = netloc.rpartition("@")[2].split(",")
            if re.search(_CONTROL, rest) or " " in rest or (not netloc and scheme.lower() != "unix"):
                problem = f"is not a URL: it must be {scheme.lower()}://host"
            elif 0 in [urlsplit(f"//{host}").port for host in hosts]:
                problem = "has the port 0"
        except ValueError:
            # Its own message quotes parts of the text.
            problem = "is not a URL: its host or port makes no sense; special characters of a password must be escaped"
        if problem:
            raise ValueError(problem)
        return read_url

    return read


def public_url(text: str) -> str:
    """Read the URL that a site has: `https://shop.example.com`, a path behind it.

    :raises ValueError: it is something else; a user, several hosts, a query and a fragment do not belong to it.
    """
    read_url = url("http", "https")(text)
    if re.search("[@,?#]", read_url):
        raise ValueError("is not the URL of a site: it is https://host, with a port and a path at most")
    return read_url


def mongo_url(text: str) -> str:
    """Read a database URL by its scheme; the rest is the driver's to judge.

    :raises ValueError: the scheme is not one of ours, or an embedded database's folder is not absolute.
    """
    scheme, separator, rest = text.strip().partition("://")
    if not separator or scheme.lower() not in _MONGO_SCHEMES:
        raise ValueError("must begin with one of " + ", ".join(f"{scheme}://" for scheme in _MONGO_SCHEMES))
    if scheme.lower() == "embedded" and not (rest.startswith("/") and rest.strip("/")):
        raise ValueError("must name an absolute folder, as in embedded:///var/lib/blog (with three slashes)")
    return f"{scheme.lower()}://{rest}"


def is_own(read: Callable[[str], object]) -> bool:
    """Say whether a function that reads a text is of this module: its messages never quote the text."""
    return getattr(read, "__module__", None) == __name__


class Variable(NamedTuple):
    """A variable: its names, how its text is read, what it is without one, and what it is for.

    `kind` is its type as the documentation has it. Of one that is `secret` the value is shown nowhere, but for what
    stands behind the `@` of a URL.
    """

    name: str
    kind: str
    read: Callable[[str], Value]
    default: Value
    meaning: str
    aliases: tuple[str, ...] = ()
    secret: bool = False
    types: tuple[type, ...] = (str,)


LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
SERVERS: Final = ("flask", "waitress", "gunicorn")

#: What begins so is an option of the server that run() starts.
SERVER_PREFIX: Final = "SERVER_"

#: But for Flask's own, and for what gunicorn puts into the environment of its workers.
NO_OPTIONS: Final = frozenset({"SERVER_NAME", "SERVER_SOFTWARE"})

_ALL = (
    Variable(
        "NAME",
        "str",
        string,
        None,
        "The app's name: of its database, its log files, its keys in Redis. Not set: load()'s `name`.",
    ),
    Variable(
        "INSTANCE",
        "word",
        word,
        None,
        "Separates two running instances of one app: the database, the instance folder, log files, cookies, keys in "
        "Redis and queues have it in their names.",
    ),
    Variable("LEVEL", "level", choice(*LEVELS, upper=True), "INFO", "The least level that is logged."),
    Variable(
        "DEBUG",
        "bool",
        boolean,
        False,
        "Deprecated, with a warning: the level DEBUG and Flask's debug mode. Use LEVEL, and FLASK_DEBUG or `flask run "
        "--debug`.",
        types=(bool,),
    ),
    Variable("HOST", "host", host, "127.0.0.1", "The address that run() serves on."),
    Variable("PORT", "port", port, 5000, "The port that run() serves on; 0 takes a free one.", types=(int,)),
    Variable(
        "MONGOHQ_URL",
        "URL",
        mongo_url,
        None,
        "The database: mongodb://, mongodb+srv://, mongomock:// or embedded:///folder. "
        "Not set: an embedded database under the app's instance folder.",
        aliases=("MONGO_URL", "MONGODB_URI"),
        secret=True,
    ),
    Variable(
        "REDISTOGO_URL",
        "URL",
        url("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"),
        None,
        "Redis or Valkey, for sessions and jobs: redis://, rediss:// (TLS), unix://, redis+sentinel://, redis+cluster://.",
        aliases=("REDIS_URL",),
        secret=True,
    ),
    Variable(
        "CLOUDAMQP_URL",
        "URL",
        url("amqp", "amqps"),
        None,
        "RabbitMQ, for jobs: amqp:// or amqps:// (TLS).",
        aliases=("RABBITMQ_URL",),
        secret=True,
    ),
    Variable(
        "SMTP_HOST",
        "host",
        host_and_port,
        None,
        "The mail server, `host` or `host:port`. The port is 587 with a password, else 25; 465 is TLS from the start.",
    ),
    Variable("SMTP_USER", "str", string, None, "The user that mail is sent as, and the sender where none is given."),
    Variable("SMTP_PASSWORD", "str", string, None, "The password of SMTP_USER.", secret=True),
    Variable(
        "SMTP_STARTTLS",
        "bool",
        boolean,
        True,
        "Whether TLS is used where the server offers it, and required where there is a password.",
        types=(bool,),
    ),
    Variable("SMTP_TIMEOUT", "seconds", seconds, 10.0, "How long a step of sending mail may take.", types=(int, float)),
    Variable("AMAZON_ID", "str", string, None, "The access key id for S3."),
    Variable("AMAZON_SECRET", "str", string, None, "The secret access key for S3.", secret=True),
    Variable("AMAZON_BUCKET", "str", bucket, None, "The bucket that files are stored in."),
    Variable("AMAZON_REGION", "str", word, None, "The region of the bucket. Not set: us-east-1."),
    Variable(
        "AMAZON_ENDPOINT",
        "URL",
        url("http", "https"),
        None,
        "A server other than Amazon's that speaks S3.",
        secret=True,
    ),
    Variable("AMAZON_PREFIX", "str", prefix, None, "What the key of each stored file begins with."),
    Variable("PUSHER_APP_ID", "str", word, None, "The app's id at Pusher Channels."),
    Variable("PUSHER_KEY", "str", word, None, "The app's key at Pusher Channels."),
    Variable("PUSHER_SECRET", "str", string, None, "The app's secret at Pusher Channels.", secret=True),
    Variable("PUSHER_CLUSTER", "str", word, None, "The app's cluster at Pusher Channels, `eu` say."),
    Variable(
        "PUSHER_ENDPOINT",
        "URL",
        url("http", "https"),
        None,
        "A server other than Pusher's that speaks its protocol.",
        secret=True,
    ),
    Variable(
        "SECRET_KEY",
        "str",
        str,
        None,
        "Signs the session cookie. Keep it long, random and out of the repository.",
        secret=True,
        types=(str, bytes),
    ),
    Variable(
        "SESSION_IDLE",
        "seconds",
        lifetime,
        604_800,
        "After how long without a request a session in Redis ends; the default is a week.",
        types=(int,),
    ),
    Variable("BASE_URL", "URL", public_url, None, "The app's public URL, for links in mail and jobs."),
    Variable(
        "FORCE_SSL",
        "bool",
        boolean,
        False,
        "Redirect http:// to https://, and send cookies by https:// only.",
        types=(bool,),
    ),
    Variable(
        "SERVER",
        "server",
        choice(*SERVERS),
        None,
        "What run() serves with: flask, waitress or gunicorn. Not set: flask in debug mode, else waitress.",
    ),
    Variable(
        "HEALTH",
        "path",
        path,
        None,
        "The path, `/health` say, at which the app tells whether its connections work. Not set: nowhere.",
    ),
    Variable("LOG_FORMAT", "format", choice("text", "json"), "text", "How lines of the log are written: text or json."),
    Variable(
        "SLOW_MS",
        "milliseconds",
        milliseconds,
        None,
        "Database commands that take as long are logged; 0: none. Not set: 100 for an app with a log of its own, else "
        "none.",
        types=(int,),
    ),
    Variable("EXECUTION_THREADS", "count", count, 4, "How many jobs run at once in a process.", types=(int,)),
    Variable(
        "EXECUTION_GRACE",
        "seconds",
        seconds,
        10.0,
        "How long unload() and SIGTERM wait for the jobs that run.",
        types=(int, float),
    ),
)

VARIABLES: Mapping[str, Variable] = {variable.name: variable for variable in _ALL}
