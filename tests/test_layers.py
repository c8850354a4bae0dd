"""A module imports only from rows below its own, function-level imports included; imports for types only are free."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: From the ground up. Modules of one row don't import each other. Every module of the package stands in one row.
LAYERS = (
    "quorum.late",
    "quorum.errors.base",
    "quorum.errors.validation",
    "quorum.errors",
    "quorum.variables quorum.content quorum.images",
    "quorum.config",
    "quorum.runtime quorum.address quorum.masking quorum.slow",
    "quorum.log",
    "quorum.embedded_server",
    "quorum.embedded",
    "quorum.mongodb quorum.redisdb quorum.amqp quorum.pusherc quorum.amazon",
    "quorum.storage.base",
    "quorum.storage.amazon quorum.storage.folder quorum.storage.memory",
    "quorum.storage.choice",
    "quorum.storage",
    "quorum.models.signals",
    "quorum.models.registry quorum.models.hooks quorum.models.pages quorum.models.marshal quorum.models.rules",
    "quorum.models.kinds",
    "quorum.models.texts quorum.models.numbers quorum.models.dates quorum.models.ids quorum.models.options",
    "quorum.models.choices",
    "quorum.models.scalars quorum.models.documents",
    "quorum.models.containers",
    "quorum.models.mixed",
    "quorum.models.batches",
    "quorum.models.embedded quorum.models.references",
    "quorum.models.holders",
    "quorum.models.sources",
    "quorum.models.files",
    "quorum.models.fields quorum.models.file_options",
    "quorum.models.annotations quorum.models.constraints",
    "quorum.models.declarations quorum.models.schema",
    "quorum.models.given",
    "quorum.models.codec quorum.models.validation quorum.models.inputs",
    "quorum.models.store quorum.models.changes",
    "quorum.models.counters quorum.models.scalar_changes quorum.models.unanswered quorum.models.updates",
    "quorum.models.uploads",
    "quorum.models.thumbnails",
    "quorum.models.expressions",
    "quorum.models.prefetching",
    "quorum.models.indexes quorum.models.query",
    "quorum.models.refusals",
    "quorum.models.writes",
    "quorum.models.atomic",
    "quorum.models.base",
    "quorum.models.families",
    "quorum.models.model quorum.models.orphans",
    "quorum.models",
    "quorum.mail.headers quorum.mail.html quorum.mail.keeping",
    "quorum.mail.addresses quorum.mail.parts quorum.mail.server",
    "quorum.mail.message",
    "quorum.mail.transport",
    "quorum.mail.outlets",
    "quorum.mail",
    "quorum.jobs.handles quorum.jobs.tally quorum.jobs.journal quorum.jobs.backlog",
    "quorum.jobs.running quorum.jobs.repeating",
    "quorum.jobs.pool quorum.jobs.registry quorum.jobs.rabbitmq_broker quorum.jobs.redis_broker",
    "quorum.jobs.local quorum.jobs.wire quorum.jobs.brokers",
    "quorum.jobs.records",
    "quorum.jobs.sending quorum.jobs.performing",
    "quorum.jobs.clock quorum.jobs.dead",
    "quorum.jobs.worker",
    "quorum.jobs",
    "quorum.web.hooks quorum.web.messages quorum.web.redirects quorum.web.session_store quorum.web.session_values",
    "quorum.web.sessions",
    "quorum.web.locales",
    "quorum.web.converters quorum.web.errors quorum.web.json quorum.web.secret",
    "quorum.web.checks quorum.web.background quorum.web.jobs_cli quorum.web.thumbnailjobs",
    "quorum.web.cli quorum.web.health quorum.web.https quorum.web.logs quorum.web.serving quorum.web.templates",
    "quorum.web.fastjson quorum.web.files quorum.web.mailjobs quorum.web.mailtemplates",
    "quorum.web.mails",
    "quorum.web.app",
    "quorum.web",
    "quorum.testing",
    "quorum",
)

#: The only modules (with what is in them) that may import these, and nobody else.
ONLY = {
    "PIL": "quorum.images",
    "boto3": "quorum.amazon quorum.storage.amazon",
    "botocore": "quorum.amazon",
    "click": "quorum.web",
    "babel": "quorum.web",
    "cronsim": "quorum.jobs",
    "dramatiq": "quorum.jobs",
    "flask": "quorum.web quorum.testing",
    "flask_babel": "quorum.web",
    "idna": "quorum.mail",
    "inscriptis": "quorum.mail",
    "jinja2": "quorum.web",
    "marshmallow": "quorum.late quorum.errors.validation quorum.models.rules",
    "mongomock": "quorum.mongodb",
    "orjson": "quorum.web",
    "pika": "quorum.amqp quorum.jobs",
    "pusher": "quorum.pusherc",
    "requests": "quorum.pusherc",
    "redis": "quorum.redisdb quorum.jobs quorum.web.session_store",
    "pytest": "quorum.testing",
    "secantus": "",
    "smtplib": "quorum.mail",
    "itsdangerous": "quorum.web",
    "werkzeug": "quorum.web quorum.testing",
}

#: Not loaded by `import quorum`, nor by `import quorum.models`: each is imported where it is switched on.
ON_DEMAND = {
    "PIL",
    "babel",
    "boto3",
    "concurrent_log_handler",
    "cronsim",
    "dramatiq",
    "flask",
    "flask_babel",
    "idna",
    "inscriptis",
    "jinja2",
    "marshmallow",
    "mongomock",
    "orjson",
    "pika",
    "puremagic",
    "pusher",
    "redis",
    "secantus",
    "smtplib",
    "werkzeug",
}


def _rows() -> dict[str, int]:
    return {module: row for row, modules in enumerate(LAYERS) for module in modules.split()}


def _modules(root: Path) -> dict[str, Path]:
    found = {}
    for path in sorted((root / "quorum").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Walk the code that runs: what stands under `if TYPE_CHECKING:` does not."""
    if isinstance(node, ast.If) and ast.unparse(node.test).split(".")[-1] == "TYPE_CHECKING":
        children: list[ast.stmt] = node.orelse
    else:
        yield node
        children = list(ast.iter_child_nodes(node))  # type: ignore[arg-type]
    for child in children:
        yield from _nodes(child)


def _imports(name: str, path: Path, modules: dict[str, Path]) -> Iterator[tuple[str, int]]:
    """Give each imported module with its line; `from a import b` is `a.b` where that is a module."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in _nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, (base, node.module)))
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield (inner if inner in modules else origin, node.lineno)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"import_module", "__import__"}:
            target = node.args[0]
            if isinstance(target, ast.Constant) and isinstance(target.value, str):
                relative = target.value.startswith(".")
                yield (f"{package}{target.value}" if relative else target.value, node.lineno)


def _faults(root: Path) -> Iterator[str]:
    modules, rows = _modules(root), _rows()
    for name, path in modules.items():
        if name not in rows:
            yield f"{name} stands in no row of LAYERS"
            continue
        for target, line in _imports(name, path, modules):
            where = f"{path.relative_to(root)}:{line}"
            if target.split(".")[0] == "quorum":
                if target != name and rows.get(target, len(LAYERS)) >= rows[name]:
                    yield f"{where}: {name} imports {target}, which is not below it"
            elif target.split(".")[0] in ONLY:
                allowed = ONLY[target.split(".")[0]].split()
                if not any(name == one or name.startswith(f"{one}.") for one in allowed):
                    yield f"{where}: {name} imports {target}, which is for {' and '.join(allowed) or 'nobody'}"


def test_modules_import_only_what_is_below_them():
    assert list(_faults(ROOT)) == []


@pytest.mark.parametrize(
    ("module", "code", "fault"),
    [
        ("quorum/errors/base.py", "from .. import config", "quorum.errors.base imports quorum.config"),
        ("quorum/errors/base.py", "import quorum.config", "quorum.errors.base imports quorum.config"),
        (
            "quorum/errors/base.py",
            "def f():\n    from quorum.config import conf",
            "quorum.errors.base imports quorum.config",
        ),
        ("quorum/models/fields.py", "from .query import Query", "quorum.models.fields imports quorum.models.query"),
        ("quorum/models/fields.py", "from ..web import app", "quorum.models.fields imports quorum.web.app"),
        ("quorum/models/hooks.py", "from .registry import check", "quorum.models.hooks imports quorum.models.registry"),
        ("quorum/config.py", "import importlib\nimportlib.import_module('.runtime', __package__)", "quorum.runtime"),
        ("quorum/config.py", "if TYPE_CHECKING:\n    pass\nelse:\n    from . import runtime", "quorum.runtime"),
        ("quorum/mongodb.py", "from flask import g", "which is for quorum.web"),
        ("quorum/embedded.py", "def f():\n    import secantus.server", "which is for nobody"),
        ("quorum/surprise.py", "", "quorum.surprise stands in no row"),
        ("quorum/models/fields.py", "from .registry import check\nfrom .. import errors", ""),
        ("quorum/errors/base.py", "if typing.TYPE_CHECKING:\n    from .. import config", ""),
        ("quorum/web/app.py", "import flask.json\nfrom ..models import model", ""),
    ],
)
def test_a_wrong_import_is_found(tmp_path, module, code, fault):
    names = "errors/__init__ errors/base config runtime web/app models/query models/registry models/model"
    for name in names.split():
        path = tmp_path / "quorum" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / module).write_text(code)
    found = list(_faults(tmp_path))
    assert len(found) == (1 if fault else 0)
    assert fault in "".join(found)


@pytest.mark.parametrize("module", ["quorum", "quorum.models"])
def test_importing_the_core_loads_nothing_optional(module):
    code = f"import sys, {module}; print(*sorted({ON_DEMAND!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []
