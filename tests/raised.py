"""The messages that a package can raise in a `ValidationError`, found in its sources, with `{}` for each parameter.

Each call that makes such an error is followed to the texts that it may be given: through names, conditions, functions
of the package and parts of texts. What can't be followed is told, so that no message stays unseen.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

#: What makes an error of a message that its first argument, or the one of this number, has.
MAKERS = {"Conflict": 0, "ServiceUnavailable": 0, "ValidationError": 0, "_wrong": 2}

#: Messages of an error that was caught, or of marshmallow's tables: they are found where they come from.
PASSED_ON = re.compile(
    r"\.messages(_dict)?$|\.args\[0\]$|default_error_messages\[|error_messages\[|messages\[self\.message\]|"
    r"^messages_of\(|^str\((error|marshmallow\.fields\.Enum)"
)

#: The methods that put messages into a list or a dict.
FILLS = ("append", "extend", "setdefault", "update")


class Messages:
    """The messages of the modules of a package; `lost` has the places that could not be followed."""

    def __init__(self, folder: Path) -> None:
        self.lost: list[str] = []
        self.found: set[str] = set()
        self._following: list[tuple[str, ast.FunctionDef | None]] = []
        self._functions: dict[str, list[ast.FunctionDef]] = {}
        self._constants: dict[str, ast.expr] = {}
        trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.py"))}
        for tree in trees.values():
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef):
                    self._functions.setdefault(node.name, []).append(node)
            for node in tree.body:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    self._constants[node.targets[0].id] = node.value
        for path, tree in trees.items():
            self._walk(path, tree, None)

    def _walk(self, path: Path, node: ast.AST, function: ast.FunctionDef | None) -> None:
        if isinstance(node, ast.FunctionDef):
            function = node
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).split(".")[-1]
            given = node.args[MAKERS[name] :] if name in MAKERS else []
            given += [word.value for word in node.keywords if word.arg == "error" and name[:1].isupper()]
            for text in self._texts(given[0], function) if given else ():
                if text is None:
                    self.lost.append(f"{path.name}:{node.lineno}: {ast.unparse(given[0])}")
                else:
                    self.found.add(text)
        for child in ast.iter_child_nodes(node):
            self._walk(path, child, function)

    def _texts(self, node: ast.expr | None, function: ast.FunctionDef | None) -> Iterator[str | None]:
        """Give the texts that an expression may have; None where that can't be told."""
        if node is None or PASSED_ON.search(ast.unparse(node)):
            return
        match node:
            case ast.Constant(value=None):
                pass
            case ast.Constant(value=str()):
                yield node.value
            case ast.JoinedStr():
                yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            case ast.BinOp():
                yield from self._joined(node, function)
            case ast.Name():
                yield from self._named(node.id, function)
            case ast.Call():
                yield from self._called(node, function)
            case ast.IfExp():
                yield from self._all((node.body, node.orelse), function)
            case ast.Dict():
                yield from self._all(node.values, function)
            case ast.List():
                yield from self._all(node.elts, function)
            case ast.DictComp():
                yield from self._texts(node.value, function)
            case _:
                yield None

    def _all(self, nodes: Iterable[ast.expr], function: ast.FunctionDef | None) -> Iterator[str | None]:
        for node in nodes:
            yield from self._texts(node, function)

    def _called(self, node: ast.Call, function: ast.FunctionDef | None) -> Iterator[str | None]:
        name = ast.unparse(node.func).split(".")[-1]
        if name in ("setdefault", "translate"):
            yield from self._texts(node.args[-1], function)
            return
        if name not in self._functions:
            yield None
        for called in self._functions.get(name, ()):
            returned = (inner.value for inner in ast.walk(called) if isinstance(inner, ast.Return))
            yield from self._all(filter(None, returned), called)

    def _joined(self, node: ast.BinOp, function: ast.FunctionDef | None) -> Iterator[str | None]:
        for left in self._texts(node.left, function):
            for right in self._texts(node.right, function):
                yield None if left is None or right is None else left + right

    def _named(self, name: str, function: ast.FunctionDef | None) -> Iterator[str | None]:
        if (name, function) in self._following:
            return  # it is made of itself: `problems = {**problems, ...}`
        self._following.append((name, function))
        yield from self._held(name, function)
        self._following.pop()

    def _held(self, name: str, function: ast.FunctionDef | None) -> Iterator[str | None]:
        given = [] if function is None else [a.arg for a in (*function.args.args, *function.args.kwonlyargs)]
        values: list[ast.expr] = []
        names = {name}
        fills = [(name, method) for method in FILLS]
        for node in ast.walk(function) if function is not None else ():
            if isinstance(node, ast.Assign) and any(_sets(target, names) for target in node.targets):
                values.append(node.value)
            elif isinstance(node, ast.Assign) and ast.unparse(node.value) in names:
                names.add(ast.unparse(node.targets[0]))
                fills += [(ast.unparse(node.targets[0]), method) for method in FILLS]
            elif isinstance(node, ast.AnnAssign) and _sets(node.target, names) and node.value is not None:
                values.append(node.value)
            elif isinstance(node, ast.Call) and ast.unparse(node.func).partition(".")[::2] in fills:
                values.extend(node.args[-1:])
        if not values and name in self._constants:
            values = [self._constants[name]]
        if not values and name not in given:
            yield None
        for value in values:
            yield from self._texts(value, function)
        if name in given and name not in ("problem", "message", "messages", "problems"):
            yield None


def _sets(target: ast.expr, names: set[str]) -> bool:
    while isinstance(target, ast.Subscript):
        target = target.value
    return isinstance(target, ast.Name) and target.id in names
