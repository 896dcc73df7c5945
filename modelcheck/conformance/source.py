"""Emitted Python, as text: its functions and classes, found in the syntax tree."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from warnings import catch_warnings, simplefilter


class NotRead(Exception):
    """Something in a source that its reader does not know, so that nothing can be said of it."""

    def __init__(self, reason: str, node: ast.AST | None = None) -> None:
        line = getattr(node, "lineno", 0)
        super().__init__(f"line {line}: {reason}" if line else reason)


@dataclass(frozen=True)
class Source:
    """A module of one kind of process. `imported` are the names that it has from elsewhere, each with where."""

    functions: Mapping[str, ast.FunctionDef]
    classes: Mapping[str, ast.ClassDef]
    constants: Mapping[str, ast.expr]
    imported: Mapping[str, str]


KNOWN: Final = (
    *(ast.FunctionDef, ast.arguments, ast.arg, ast.expr_context, ast.Expr, ast.Pass, ast.Return, ast.Raise),
    *(ast.Assign, ast.AnnAssign, ast.AugAssign, ast.If, ast.For, ast.Match, ast.match_case),
    *(ast.MatchClass, ast.MatchValue, ast.MatchAs, ast.Constant, ast.Name, ast.Attribute, ast.Subscript),
    *(ast.BoolOp, ast.boolop, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.Compare, ast.cmpop, ast.IfExp),
    *(ast.Set, ast.Tuple, ast.Call, ast.keyword, ast.GeneratorExp, ast.comprehension, ast.JoinedStr),
    ast.FormattedValue,
)
"""What may stand in a function, also where its reader does not come by: a `yield` makes something else of the whole."""


def source_of(text: str) -> Source:
    """The parts of a module. Raises NotRead for what is no function, class, import or constant, for what is there
    twice (the later one would hide the other), and for what is used before it is there."""
    try:
        module = ast.parse(text)
        with catch_warnings():
            simplefilter("ignore")
            compile(text, "emitted", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise NotRead(f"this is no Python: {problem}") from None
    functions: dict[str, ast.FunctionDef] = {}
    classes: dict[str, ast.ClassDef] = {}
    constants: dict[str, ast.expr] = {}
    imported: dict[str, str] = {}
    annotated_as_text = False

    def named(name: str, node: ast.AST) -> str:
        if name in functions or name in classes or name in constants or name in imported:
            raise NotRead(f"`{name}` is there twice", node)
        if is_taken(name) or name == "*" or name.startswith("__"):
            raise NotRead(f"`{name}`, as Python calls something", node)
        return name

    def is_there(node: ast.AST) -> None:
        """What is run as the module is loaded has to know all that it names."""
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and not (
                is_taken(part.id) or part.id in functions or part.id in classes or part.id in constants
            ):
                _ = imported_from(imported, part.id, part)

    for node in module.body:
        match node:
            case ast.Expr(ast.Constant(str())):
                pass
            case ast.FunctionDef(decorator_list=[]):
                functions[named(node.name, node)] = node
            case ast.ClassDef(decorator_list=[]):
                for part in _run_at_once(node):
                    is_there(part)
                classes[named(node.name, node)] = node
            case ast.ImportFrom(module="__future__", names=[ast.alias("annotations", None)], level=0):
                annotated_as_text = True
            case ast.ImportFrom(module=str(whence), level=level):
                for one in node.names:
                    imported[named(one.asname or one.name, node)] = f"{'.' * (level or 0)}{whence}.{one.name}"
            case ast.Import():
                for one in node.names:
                    imported[named(one.asname or one.name, node)] = one.name
            case ast.AnnAssign(ast.Name(name), _, ast.expr() as value) | ast.Assign(
                [ast.Name(name)], ast.expr() as value
            ):
                is_there(value)
                constants[named(name, node)] = value
            case _:
                raise NotRead(f"a {type(node).__name__} in a module", node)
    if not annotated_as_text:
        raise NotRead("annotations that are run")
    source = Source(functions, classes, constants, imported)
    for function in (*functions.values(), *(m for c in classes.values() for m in c.body)):
        if isinstance(function, ast.FunctionDef):
            _is_plain(function, source)
    return source


def imported_from(imported: Mapping[str, str], name: str, node: ast.AST) -> str:
    if name not in imported:
        raise NotRead(f"`{name}`, which there is not", node)
    return imported[name]


def _run_at_once(declared: ast.ClassDef) -> Iterator[ast.AST]:
    """What of a class is run as it is declared."""
    yield from declared.bases
    yield from declared.keywords
    for node in declared.body:
        if isinstance(node, ast.AnnAssign | ast.Assign) and node.value is not None:
            yield node.value


def _is_plain(function: ast.FunctionDef, source: Source) -> None:
    """That there is nothing in a function but what a reader knows, and that no name in it hides another one's meaning.
    Raises NotRead."""
    if function.decorator_list:
        raise NotRead(f"`{function.name}` is decorated", function)
    _ = parameters_of(function)  # a default is run as the module is loaded, whoever calls the function
    for node in ast.walk(function):
        if not isinstance(node, KNOWN) or (isinstance(node, ast.FunctionDef) and node is not function):
            raise NotRead(f"a {type(node).__name__}", node)
        match node:
            case ast.Name(name, ast.Store()) | ast.arg(name) | ast.MatchAs(_, str(name)):
                known = {**source.functions, **source.classes, **source.constants, **source.imported}
                if is_taken(name) or name in known or name.startswith("__"):
                    raise NotRead(f"`{name}` hides what is called so", node)
            case ast.Attribute(_, name) if name.startswith("__") and name not in ("__init__", "__name__"):
                raise NotRead(f"`{name}`, as Python calls something", node)


def is_taken(name: str) -> bool:
    """Whether a name has a meaning in Python, which a reader relies upon."""
    return hasattr(builtins, name)


def parameters_of(function: ast.FunctionDef) -> list[str]:
    """The names of a function's parameters. Raises NotRead for any that are no plain ones."""
    given = function.args
    if taken := next((one for one in given.args if is_taken(one.arg)), None):
        raise NotRead(f"`{taken.arg}`, as Python calls something", taken)
    if given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs or given.defaults:
        raise NotRead(f"the parameters of `{function.name}`", function)
    return [one.arg for one in given.args]


def fields_of(declared: ast.ClassDef) -> dict[str, ast.expr | None]:
    """The annotated fields of a class, each with its default."""
    found: dict[str, ast.expr | None] = {}
    for node in declared.body:
        match node:
            case ast.Expr(ast.Constant(str())):
                pass
            case ast.AnnAssign(ast.Name(name), _, value, 1) if name not in found:
                found[name] = value
            case _:
                raise NotRead(f"a {type(node).__name__} in class `{declared.name}`", node)
    return found


def method_of(declared: ast.ClassDef, name: str) -> ast.FunctionDef:
    for node in declared.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise NotRead(f"class `{declared.name}` has no `{name}`", declared)
