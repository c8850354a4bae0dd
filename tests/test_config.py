"""Variables: where their values come from, what they may be, and what an error shows of them."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

from quorum import config, errors, runtime, variables

CANARY = "c4n4ry"


@pytest.mark.parametrize("name", ["MONGOHQ_URL", "MONGO_URL", "MONGODB_URI"])
def test_the_database_url_is_read_under_each_of_its_names(monkeypatch, name):
    monkeypatch.setenv(name, "mongodb://db.example.com/blog")
    settings = config.Settings.load()
    assert settings.get("MONGOHQ_URL") == "mongodb://db.example.com/blog"
    assert settings.source("MONGOHQ_URL") == name
    assert runtime.conf("MONGOHQ_URL") == "mongodb://db.example.com/blog"


def test_the_first_name_wins_over_the_others(monkeypatch):
    monkeypatch.setenv("MONGODB_URI", "mongodb://third")
    monkeypatch.setenv("MONGO_URL", "mongodb://second")
    monkeypatch.setenv("MONGOHQ_URL", "mongodb://first")
    assert config.Settings.load().get("MONGOHQ_URL") == "mongodb://first"


def test_what_is_not_set_has_its_default():
    settings = config.Settings.load()
    values = {name: settings.get(name) for name in variables.VARIABLES}
    assert values == {name: variable.default for name, variable in variables.VARIABLES.items()}
    assert (values["PORT"], settings.source("PORT"), settings.is_set("PORT")) == (5000, "the default", False)


def test_an_empty_value_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("PORT", "")
    assert config.Settings.load().get("PORT") == 5000
    assert runtime.conf("PORT", 8080) == 8080


@pytest.mark.parametrize("empty", ["", b""])
def test_an_empty_default_counts_as_not_set(empty):
    settings = config.Settings.load({"SECRET_KEY": empty})
    assert (settings.get("SECRET_KEY"), settings.source("SECRET_KEY")) == (None, "the default")


def test_the_environment_wins_over_what_load_was_given(monkeypatch):
    monkeypatch.setenv("PORT", "7000")
    settings = config.Settings.load({"PORT": 8000, "HOST": "0.0.0.0", "SECRET_KEY": b"bytes"})
    assert (settings.get("PORT"), settings.get("HOST"), settings.get("SECRET_KEY")) == (7000, "0.0.0.0", b"bytes")


def test_the_app_is_named_by_the_variable_else_by_load_else_quorum(monkeypatch):
    assert config.Settings.load().name == "quorum"
    assert config.Settings.load(name="blog").name == "blog"
    monkeypatch.setenv("NAME", "shop")
    assert config.Settings.load(name="blog").name == "shop"


#: Of every variable values that are right, with what they are read as, and values that are wrong.
VALUES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "NAME": ({"shop": "shop", "Ma boutique": "Ma boutique"}, ["a\nb", "a\x00", "a\u2028b", "a\udcff"]),
    "INSTANCE": ({"2": "2", "blue-1": "blue-1"}, ["../up", "a b", "-a", "a.b", "\u00e9", "x" * 33]),
    "LEVEL": ({"debug": "DEBUG", " Warning ": "WARNING"}, ["LOUD", "10", "NOTSET"]),
    "DEBUG": ({"1": True, "off": False}, ["express:*", "2"]),
    "HOST": ({"0.0.0.0": "0.0.0.0", "::1": "::1", "blog.local": "blog.local"}, ["a:80", "http://a", "a b", "a\r\nb"]),
    "PORT": ({"0": 0, "8080": 8080}, ["http", "65536", "-1", "\u0661\u0660", "1_0", "8e3", "1" * 5000]),
    "MONGOHQ_URL": (
        {" MongoDB://Host/Db ": "mongodb://Host/Db", "mongomock://": "mongomock://"},
        [CANARY, f"http://user:{CANARY}@host", f"embedded://{CANARY}/relative", "embedded:///"],
    ),
    "REDISTOGO_URL": (
        {
            "redis://h": "redis://h",
            "REDISS://:pw@h:1/2": "rediss://:pw@h:1/2",
            "unix:///run/redis.sock": "unix:///run/redis.sock",
            "redis+sentinel://:pw@a:1,[::1]:2,c/main": "redis+sentinel://:pw@a:1,[::1]:2,c/main",
        },
        [
            CANARY,
            f"http://:{CANARY}@h",
            f"redis://:{CANARY}@h:port",
            "redis://",
            "redis://h:0",
            f"redis://:{CANARY}@[h",
            f"redis+cluster://:{CANARY}@h:1,i:port",
            "redis+cluster://h:1,i:0",
        ],
    ),
    "CLOUDAMQP_URL": (
        {"amqps://u:p@h/vhost": "amqps://u:p@h/vhost"},
        [f"redis://{CANARY}@h", "amqp://", "amqp://h:99999"],
    ),
    "SMTP_HOST": (
        {"mail.example.com": "mail.example.com", "mail:587": "mail:587", "[::1]:25": "[::1]:25", "::1": "::1"},
        ["smtp://mail", "mail:smtp", "mail:99999", "a b", "mail\r\nX", "[::1", "[mail]x"],
    ),
    "SMTP_USER": ({"me@example.com": "me@example.com"}, ["a\r\nb"]),
    "SMTP_PASSWORD": ({"p w": "p w"}, [f"{CANARY}\n"]),
    "SMTP_STARTTLS": ({"0": False, "yes": True}, ["required"]),
    "SMTP_TIMEOUT": ({"2.5": 2.5, "30": 30.0}, ["-1", "1e3", "nan", "10s", "86401"]),
    "AMAZON_ID": ({"AKIA": "AKIA"}, ["a\nb"]),
    "AMAZON_SECRET": ({"a/b+c": "a/b+c"}, [f"{CANARY}\n"]),
    "AMAZON_BUCKET": ({"my-files.example": "my-files.example"}, ["A", "My-Files", "a/b", "s3://files", "a..b"]),
    "AMAZON_REGION": ({"eu-west-1": "eu-west-1"}, ["eu west"]),
    "AMAZON_ENDPOINT": ({"http://127.0.0.1:9000": "http://127.0.0.1:9000"}, [f"s3://{CANARY}", "http://"]),
    "AMAZON_PREFIX": ({"blog/files": "blog/files/", "blog/": "blog/"}, ["/blog", "../blog", "a//b", "a b"]),
    "PUSHER_APP_ID": ({"123": "123"}, ["a/b"]),
    "PUSHER_KEY": ({"k3y": "k3y"}, ["a b"]),
    "PUSHER_SECRET": ({"s3cret": "s3cret"}, [f"{CANARY}\n"]),
    "PUSHER_CLUSTER": ({"eu": "eu"}, ["eu.example.com"]),
    "PUSHER_ENDPOINT": ({"http://127.0.0.1:6001": "http://127.0.0.1:6001"}, [f"ws://{CANARY}", "http://"]),
    "SECRET_KEY": ({"\u00e9\n": "\u00e9\n"}, []),
    "SESSION_IDLE": ({"300": 300, "31536000": 31_536_000}, ["299", "31536001", "1.5", "an hour"]),
    "BASE_URL": (
        {"https://blog.example.com/": "https://blog.example.com/"},
        [
            *["blog.example.com", "javascript://a", "https://", "https://a,b", "https://a?b", "https://a#b"],
            f"https://user:{CANARY}@blog.example.com",
        ],
    ),
    "FORCE_SSL": ({"true": True, "0": False}, ["https"]),
    "SERVER": ({"Gunicorn": "gunicorn", "flask": "flask"}, ["uwsgi"]),
    "HEALTH": (
        {"/health": "/health", "/-/up.json": "/-/up.json"},
        ["health", "/", "//evil", "/a b", "/<x>", "/a?b", "/a/"],
    ),
    "LOG_FORMAT": ({"JSON": "json"}, ["xml"]),
    "SLOW_MS": ({"0": 0, "250": 250}, ["-1", "1.5", "100ms", "86400001"]),
    "EXECUTION_THREADS": ({"8": 8}, ["0", "-1", "many", "1001"]),
    "EXECUTION_GRACE": ({"0": 0.0, "2.5": 2.5}, ["-1", "forever"]),
}
RIGHT = [(name, text, value) for name, (right, _) in VALUES.items() for text, value in right.items()]
WRONG = [(name, text) for name, (_, wrong) in VALUES.items() for text in wrong]


def test_every_variable_is_tried():
    assert list(VALUES) == list(variables.VARIABLES)


@pytest.mark.parametrize(("name", "text", "value"), RIGHT)
def test_a_variable_is_read_as_what_it_means(monkeypatch, name, text, value):
    if "\x00" not in text:
        monkeypatch.setenv(name, text)
    assert config.Settings.load().get(name) == value
    assert config.Settings.load().source(name) == name


@pytest.mark.promise("L4")
@pytest.mark.parametrize(("name", "text"), [row for row in WRONG if "\x00" not in row[1]])
def test_a_wrong_value_is_an_error_that_names_the_variable_and_hides_the_value(monkeypatch, name, text):
    monkeypatch.setenv(name, text)
    with pytest.raises(errors.ConfigurationError, match=f"The value of {name} ") as caught:
        config.Settings.load()
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_a_wrong_value_that_load_was_given_is_an_error_too(name, text):
    with pytest.raises(errors.ConfigurationError, match=f"The value of load\\(\\)'s {name} "):
        config.Settings.load({name: text})


def test_all_problems_are_told_at_once(monkeypatch):
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("MONGO_URL", "http://host")
    with pytest.raises(errors.ConfigurationError) as caught:
        config.Settings.load({"HOST": 7})
    assert len(caught.value.problems) == 3
    assert all(word in str(caught.value) for word in ("PORT", "MONGO_URL", "load()'s HOST is a int"))


@pytest.mark.promise("L1")
def test_a_secret_is_in_no_repr():
    settings = config.Settings.load({"SECRET_KEY": CANARY, "MONGOHQ_URL": f"mongodb://u:{CANARY}@h"})
    assert CANARY not in repr(settings)
    assert "SECRET_KEY='***'" in repr(settings)
    assert "MONGOHQ_URL='mongodb://***@h'" in repr(settings)


@pytest.mark.promise("L4")
@pytest.mark.parametrize("text", ["1", "true", "yes", "on", "TRUE", " On "])
def test_a_boolean_is_true(monkeypatch, text):
    monkeypatch.setenv("DEBUG_SQL", text)
    assert runtime.conf("DEBUG_SQL", cast=bool) is True


@pytest.mark.promise("L4")
@pytest.mark.parametrize("text", ["0", "false", "no", "off", "False"])
def test_a_boolean_is_false(monkeypatch, text):
    monkeypatch.setenv("DEBUG_SQL", text)
    assert runtime.conf("DEBUG_SQL", True, cast=bool) is False


@pytest.mark.promise("L4")
@pytest.mark.parametrize("text", ["2", "y", "t", "enabled", "-", "01"])
def test_anything_else_is_no_boolean(monkeypatch, text):
    monkeypatch.setenv("DEBUG_SQL", text)
    with pytest.raises(errors.ConfigurationError, match="DEBUG_SQL is not a boolean"):
        runtime.conf("DEBUG_SQL", cast=bool)


def test_conf_reads_any_name_with_any_cast(monkeypatch):
    monkeypatch.setenv("RATE", "0.5")
    assert runtime.conf("RATE") == "0.5"
    assert runtime.conf("RATE", 1.0, float) == 0.5
    assert runtime.conf("RATE_2", 1.0, float) == 1.0
    assert runtime.conf("RATE_2") is None


def test_conf_gives_our_variables_their_type(monkeypatch):
    monkeypatch.setenv("PORT", "8080")
    assert runtime.conf("PORT") == 8080
    assert runtime.conf("PORT", cast=str) == "8080"


@pytest.mark.parametrize(("cast", "name"), [(float, "float"), ({}.__getitem__, "__getitem__")])
def test_a_failed_cast_does_not_show_the_text(monkeypatch, cast, name):
    monkeypatch.setenv("RATE", CANARY)
    with pytest.raises(errors.ConfigurationError, match=f"The value of RATE can't be read as {name}") as caught:
        runtime.conf("RATE", cast=cast)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, empty."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_a_stronger_source_wins(folder, tmp_path, monkeypatch):
    root = tmp_path / "root"
    root.mkdir()
    rows = [("the default", 5000, lambda: None)]

    def source(place, port, put):
        rows.append((place, port, put))

    source(f"PORT in {root / 'quorum.json'}", 3, lambda: (root / "quorum.json").write_text('{"PORT": 3}'))
    source(f"PORT in {root / '.env'}", 4, lambda: (root / ".env").write_text("PORT=4"))
    source(f"PORT in {folder / 'quorum.json'}", 5, lambda: (folder / "quorum.json").write_text('{"PORT": "5"}'))
    source(f"PORT in {folder / '.env'}", 6, lambda: (folder / ".env").write_text("# the port\nexport PORT='6'\n"))
    source("PORT", 7, lambda: monkeypatch.setenv("PORT", "7"))
    for place, port, put in rows:
        put()
        settings = config.Settings.load(root=root)
        assert (settings.source("PORT"), settings.get("PORT")) == (place, port)


def test_files_win_over_what_load_was_given(folder):
    (folder / ".env").write_text("PORT=6")
    assert config.Settings.load({"PORT": 7, "HOST": "::1"}).get("PORT") == 6
    assert config.Settings.load({"PORT": 7, "HOST": "::1"}).get("HOST") == "::1"


def test_a_file_is_read_under_any_of_a_variables_names(folder):
    (folder / "quorum.json").write_text('{"MONGO_URL": "mongomock://"}')
    assert config.Settings.load().get("MONGOHQ_URL") == "mongomock://"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not JSON: .* in line 1"),
        ("[]", "is no JSON object"),
        ('{"PORT": [1]}', "has a list or an object for PORT"),
        ("[" * 100_000, "is not JSON: it is nested too deeply"),
        (b"\xff", "is not text in UTF-8"),
        ('{"N": ' + "1" * 5000 + "}", "has a number of too many digits"),
    ],
)
def test_a_file_that_makes_no_sense_is_an_error_that_names_it(folder, text, told):
    path = folder / "quorum.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(errors.ConfigurationError, match=f"{path} {told}"):
        config.Settings.load()


@pytest.mark.parametrize("text", [f"A=1\n\nSMTP_PASSWORD {CANARY}\n", f"A=1\n# b\nSMTP_PASSWORD='{CANARY}\nPORT=1\n"])
def test_a_line_of_dotenv_that_makes_no_sense_is_an_error_that_numbers_it(folder, text):
    (folder / ".env").write_text(text)
    told = f"{folder / '.env'} has a line that makes no sense, 3"
    with pytest.raises(errors.ConfigurationError, match=told) as caught:
        config.Settings.load()
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("text", "problem"), [("true", "is a bool"), ("1.5", "is a float"), ("70000", "is not a port")]
)
def test_a_value_of_the_wrong_type_in_a_file_is_an_error(folder, text, problem):
    (folder / "quorum.json").write_text(f'{{"PORT": {text}}}')
    with pytest.raises(errors.ConfigurationError, match=f"PORT in {folder / 'quorum.json'} {problem}"):
        config.Settings.load()


def test_a_null_in_a_file_counts_as_not_set(folder):
    (folder / "quorum.json").write_text('{"PORT": null}')
    assert config.Settings.load().get("PORT") == 5000


def test_conf_reads_files_too(folder):
    (folder / "quorum.json").write_text('{"RATE": 0.5, "DEPTH": 3}')
    (folder / ".env").write_text("WIDTH=7\n")
    assert runtime.conf("RATE", cast=float) == 0.5
    assert runtime.conf("DEPTH") == 3
    assert runtime.conf("WIDTH", 1, int) == 7


def test_conf_gives_what_load_was_given():
    context = runtime.Context(config.Settings.load({"PORT": 8080}))
    runtime.start(context)
    try:
        assert runtime.conf("PORT") == 8080
    finally:
        runtime.stop(context)


def test_an_instance_has_a_folder_and_a_name_of_its_own(monkeypatch, tmp_path):
    first = config.Settings.load(name="blog", instance_path=tmp_path)
    monkeypatch.setenv("INSTANCE", "2")
    second = config.Settings.load(name="blog", instance_path=tmp_path)
    assert (first.instance_path, second.instance_path) == (str(tmp_path), str(tmp_path / "2"))
    assert (first.qualified(), second.qualified(), second.qualified(":")) == ("blog", "blog-2", "blog:2")


def test_options_of_the_server_are_found_by_their_prefix(folder, monkeypatch):
    monkeypatch.setenv("SERVER_THREADS", "4")
    monkeypatch.setenv("SERVER_NAME", "blog.example.com")
    monkeypatch.setenv("SERVER_SOFTWARE", "gunicorn/26.0.0")
    (folder / "quorum.json").write_text('{"SERVER_THREADS": 5, "SERVER_BACKLOG": 64}')
    options = config.Settings.load().server_options()
    assert {name: found.value for name, found in options.items()} == {"threads": "4", "backlog": 64}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (CANARY, "***"),
        (CANARY.encode(), "***"),
        (f"mongodb://u:{CANARY}@h:1,i:2/db?tlsCertificateKeyFilePassword={CANARY}", "mongodb://***@h:1,i:2/db"),
        (f"redis://:p@{CANARY}@h/0", "redis://***@h/0"),
        ("redis://h/0", "redis://h/0"),
    ],
)
def test_a_secret_is_hidden_but_for_the_host_of_a_url(value, shown):
    assert config.hide(value) == shown


def test_the_secrets_of_an_app_are_known_in_each_spelling():
    given = {
        "SECRET_KEY": "k3y+/of=app",
        "MONGOHQ_URL": "mongodb://user:p%40ssword@h/?tlsCertificateKeyFilePassword=f00bar",
    }
    secrets = config.Settings.load(given).secrets()
    assert {"k3y+/of=app", "k3y%2B%2Fof%3Dapp", "p%40ssword", "p@ssword", "f00bar"} <= set(secrets)
    assert "user" not in secrets


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [
        ("STRIPE_API_KEY", "sk-12345678", True),
        ("GITHUB_TOKEN", "gh-12345678", True),
        ("GITHUB_TOKEN", "short", False),
        ("PWD", "/srv/somewhere", False),
        ("XDG_SESSION_ID", "c1234567890", False),
        ("SECRETS_FOLDER", "/usr/share", False),
        ("GREETING", "hello world", False),
    ],
)
def test_a_variable_of_others_is_a_secret_by_its_name(monkeypatch, name, value, known):
    monkeypatch.setenv(name, value)
    assert (value in config.Settings.load().secrets()) is known


def test_a_secret_of_bytes_that_are_not_utf_8_is_known_too(monkeypatch):
    monkeypatch.setenv("API_TOKEN", "c4n4ry12\udcff")
    assert {"c4n4ry12\udcff", "c4n4ry12%FF"} <= set(config.Settings.load().secrets())


def test_the_documentation_has_every_variable_with_its_type_default_and_meaning():
    page = (Path(__file__).parents[1] / "docs" / "configuration.md").read_text(encoding="utf-8")
    table = [line for line in page.splitlines() if line.startswith("| `")]
    names = [" ".join(f"`{name}`" for name in (v.name, *v.aliases)) for v in variables.VARIABLES.values()]
    assert table == [
        f"| {name} | {v.kind} | {'' if v.default is None else f'`{v.default}`'} | {v.meaning} |"
        for name, v in zip(names, variables.VARIABLES.values(), strict=True)
    ]
