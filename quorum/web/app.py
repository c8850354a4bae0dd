"""The life of an app: `load()` and `unload()`."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeAlias

import flask
from flask import Flask

from quorum import address, amqp, config, errors, log, redisdb, runtime
from quorum import jobs as background_jobs
from quorum.models import Model, registry
from quorum.variables import SERVER_PREFIX, VARIABLES

from . import background, cli, converters, health, https, json, logs, secret, sessions, templates
from . import errors as http
from . import locales as languages

#: Where a loaded app keeps its context: `app.extensions["quorum"]`.
EXTENSION: Final = "quorum"

#: The mark of an app that was unloaded: it is never served from another app's database.
UNLOADED: Final = "quorum.unloaded"

# How MongoEngine's extensions for Flask are told where the database is.
_OTHERS: Final = "MONGODB_SETTINGS"

#: What `models` can be: a module, a package, or the classes.
Models: TypeAlias = ModuleType | Iterable[type[Model]]


def load(
    app: Flask | None = None,
    name: str | None = None,
    locales: Iterable[str] = languages.DEFAULT,
    secret_key: str | bytes | None = None,
    execution: runtime.Execution = True,
    redis_session: bool = False,
    mongo_database: str | None = None,
    logger: str | None = None,
    models: Models | None = None,
    safe: bool = False,
    jobs: background_jobs.Packages | None = None,
    **kwargs: Any,
) -> Flask:
    """Set up an app and its models, and give the app.

    A value that the environment sets wins over the configuration; `secret_key` and `mongo_database` are described in
    the guide. What goes wrong on the way is undone: nothing stays open or loaded.

    :param app: the app to set up; `app.extensions["quorum"]` marks it as loaded.
    :param name: the import name of the app to make; the calling module's if there is neither `app` nor `name`.
    :param locales: the languages that the app speaks, `("en_us", "pt_pt")`; the first is for who asks for none of them.
        More than English needs Flask-Babel.
    :param secret_key: signs the session cookie; `SECRET_KEY` if not given.
    :param execution: where `run_background()` calls functions: True, in threads of this process; "queue", in workers
        behind the broker of `CLOUDAMQP_URL` or `REDISTOGO_URL`; False, nowhere.
    :param redis_session: keep sessions in Redis, at `REDISTOGO_URL`; in signed cookies if not.
    :param mongo_database: the database for an URL that names none; the app's name if not given.
    :param logger: names the app's log, which is kept in `logs` in the instance folder and shown on the console; with
        none, logging is left to the application.
    :param models: a module, a package, or a list of classes: every concrete model in it; its indexes are made.
    :param safe: refuse filters that run code or name unknown fields, also where the application wrote them.
    :param jobs: modules or packages, or their names: all of their functions may be run by workers. What is declared in
        others by `@quorum.background` is not this app's.
    :param kwargs: Flask's configuration, in upper case, `DEBUG=True`.
    :raises ConfigurationError: an argument, a variable or a model makes no sense, or the app is loaded already.
    :raises OperationalError: the database did not answer while the indexes were made.
    """
    _check(
        app,
        name,
        execution=execution,
        logger=logger,
        mongo_database=mongo_database,
        secret_key=secret_key,
        configuration=kwargs,
    )
    available = languages.read(locales)
    made = app if app is not None else _make(name or sys._getframe(1).f_globals["__name__"])
    before = dict(made.config)
    made.config.update(kwargs)
    try:
        settings = config.Settings.load(
            _given(made),
            name=made.name,
            mongo_database=mongo_database,
            root=made.root_path,
            instance_path=made.instance_path,
            checks={
                address.VARIABLE: address.database_name,
                redisdb.VARIABLE: redisdb.read if redis_session else redisdb.check,
                amqp.VARIABLE: amqp.check,
            },
        )
        classes = _models(models)
        secret.settle(made, settings, secret_key)
        sessions.init_app(made, redis=redis_session, secure=kwargs.get("SESSION_COOKIE_SECURE"))
        _furnish(made)
        languages.init_app(made, available, instance=settings.instance)
        if execution == "queue":
            # Workers send mail too where nothing else in them does.
            importlib.import_module(".mailjobs", __package__)
        context = runtime.Context(
            settings,
            app=made,
            models=classes,
            safe=safe,
            logger=logger,
            enter=made.app_context,
            execution=execution,
            jobs=background_jobs.packages(jobs),
            watches=made.debug and os.environ.get("WERKZEUG_RUN_MAIN") != "true",
        )
        if any(model.__files__ for model in classes):
            from . import files  # which an app without files never needs

            files.init_app(made, settings)
        _start(made, context, classes)
    except BaseException:
        made.config.clear()
        made.config.update(before)
        raise
    return made


def unload(app: Flask | None = None) -> None:
    """Release all that `load()` opened: of every app, or of one. Loading it again is fine; with nothing loaded, too.

    :param app: the only app to unload.
    """
    if app is None:
        with ExitStack() as stopping:
            for context in runtime.contexts():
                stopping.callback(_stop, context, mark=True)
    elif (loaded := app.extensions.get(EXTENSION)) is not None:
        _stop(loaded, mark=True)


def _check(
    app: Any,
    name: Any,
    *,
    execution: Any,
    logger: Any,
    mongo_database: Any,
    secret_key: Any,
    configuration: dict[str, Any],
) -> None:
    problems = [
        f"load() has no argument {key!r}. Flask's configuration is written in upper case."
        for key in configuration
        if not key.isupper()
    ]
    aliases = {alias: variable.name for variable in VARIABLES.values() for alias in variable.aliases}
    problems += [f"Give load() {aliases[key]} in place of {key}." for key in configuration if key in aliases]
    if app is not None and not isinstance(app, Flask):
        given = f"app must be a Flask app, not a {type(app).__name__}"
        raise errors.ConfigurationError(
            *problems, f"{given}. Models are given as load(models=[...]), a name as load(name=...)."
        )
    for argument, value, types in (
        ("name", name, (str,)),
        ("secret_key", secret_key, (str, bytes)),
        ("mongo_database", mongo_database, (str,)),
    ):
        if value is not None and not isinstance(value, types):
            problems.append(f"{argument} must be {' or '.join(one.__name__ for one in types)}.")
    if app is not None and name is not None:
        problems.append("load() got app and name. Give an app to use it, or a name to make one.")
    if app is not None and EXTENSION in app.extensions:
        problems.append(f"The app {app.name!r} is loaded already. Call quorum.unload() before loading it again.")
    if execution not in (True, False, "queue"):
        problems.append(f"execution={execution!r} must be True, False or 'queue'.")
    if logger is not None:
        try:
            log.check(logger)
        except errors.ConfigurationError as error:
            problems.extend(error.problems)
    if secret_key is not None and not secret_key:
        problems.append("secret_key is empty. Leave it out, or give one that is long and random.")
    if secret_key is not None and "SECRET_KEY" in configuration:
        problems.append("load() got secret_key and SECRET_KEY. Give one of them.")
    if problems:
        raise errors.ConfigurationError(*problems)


def _given(app: Flask) -> dict[str, Any]:
    """Give what an app's configuration says of our variables. Its DEBUG is Flask's, which has a value always."""
    return {
        key: value
        for key, value in app.config.items()
        if (key in VARIABLES and key != "DEBUG") or key.startswith(SERVER_PREFIX)
    }


def _make(name: str) -> Flask:
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if name != "__main__" or file is None or getattr(main, "__spec__", None) is not None:
        return Flask(name)
    # Flask would look for the data of a script in the directory in which it was started.
    return Flask(name, instance_path=str(Path(file).absolute().parent / "instance"))


def _models(source: Models | None) -> tuple[type[Model], ...]:
    classes: tuple[type[Model], ...] = registry.concrete_models(source)
    registry.check(classes)
    return classes


def _furnish(app: Flask) -> None:
    for part in (http, converters, templates, background, cli):
        part.init_app(app)
    if importlib.util.find_spec("orjson") is None:
        json.init_app(app, json.JSONProvider)
    else:
        from . import fastjson

        json.init_app(app, fastjson.OrjsonProvider)


def _start(app: Flask, context: runtime.Context, models: tuple[type[Model], ...]) -> None:
    app.extensions[EXTENSION] = context
    runtime.start(context)
    try:
        for part in (logs, sessions, languages, https, health):
            part.start(app, context)
        if context.settings.get("DEBUG"):
            _debug(app, context)
        if _OTHERS in app.config or context.settings.conf(_OTHERS) is not None:
            app.logger.warning("%s is not read. quorum's database is the one of %s.", _OTHERS, address.VARIABLE)
        with app.app_context():
            for model in () if cli.is_diagnosis() else models:
                model.ensure_indexes()
        background_jobs.start(context)
    except BaseException:
        _stop(context, mark=False)
        raise
    app.extensions.pop(UNLOADED, None)


def _debug(app: Flask, context: runtime.Context) -> None:
    """Do what the deprecated `DEBUG` asks for, as long as the app is loaded. The log is open by now."""
    before = app.debug
    context.at_stop(lambda: setattr(app, "debug", before))
    app.debug = True
    app.logger.warning("DEBUG is deprecated: set LEVEL=DEBUG for the log, FLASK_DEBUG=1 for Flask.")


def _stop(context: runtime.Context, *, mark: bool) -> None:
    try:
        # Jobs that run go on in the app's context until they are done.
        context.drain()
    finally:
        if context.app is not None:
            context.app.extensions.pop(EXTENSION, None)
            if mark:
                context.app.extensions[UNLOADED] = True
        runtime.stop(context)


def _current() -> runtime.Context | None:
    if not flask.has_app_context():
        return None
    app = flask.current_app
    context: runtime.Context | None = app.extensions.get(EXTENSION)
    if context is None and UNLOADED in app.extensions:
        raise errors.ConfigurationError(f"The app {app.name!r} was unloaded: load it again.")
    return context


runtime.use_finder(_current)
