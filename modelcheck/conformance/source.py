"""Emitted Python, as text: its functions and classes, found in the syntax tree."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from dataclasses import dataclass


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


def source_of(text: str) -> Source:
    """The parts of a module. Raises NotRead for what is no function, class, import or constant, and for what is there
    twice: the later one would hide the other."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError) as problem:
        raise NotRead(f"this is no Python: {problem}") from None
    functions: dict[str, ast.FunctionDef] = {}
    classes: dict[str, ast.ClassDef] = {}
    constants: dict[str, ast.expr] = {}
    imported: dict[str, str] = {}

    def named(name: str, node: ast.AST) -> str:
        if name in functions or name in classes or name in constants or name in imported:
            raise NotRead(f"`{name}` is there twice", node)
        if is_taken(name):
            raise NotRead(f"`{name}`, as Python calls something", node)
        return name

    for node in module.body:
        match node:
            case ast.Expr(ast.Constant(str())):
                pass
            case ast.FunctionDef(decorator_list=[]):
                functions[named(node.name, node)] = node
            case ast.ClassDef(decorator_list=[]):
                classes[named(node.name, node)] = node
            case ast.ImportFrom(module="__future__"):
                pass
            case ast.ImportFrom(module=str(whence), level=level):
                for one in node.names:
                    imported[named(one.asname or one.name, node)] = f"{'.' * (level or 0)}{whence}.{one.name}"
            case ast.Import():
                for one in node.names:
                    imported[named(one.asname or one.name, node)] = one.name
            case ast.AnnAssign(ast.Name(name), _, ast.expr() as value) | ast.Assign(
                [ast.Name(name)], ast.expr() as value
            ):
                constants[named(name, node)] = value
            case _:
                raise NotRead(f"a {type(node).__name__} in a module", node)
    return Source(functions, classes, constants, imported)


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
            case ast.AnnAssign(ast.Name(name), _, value):
                found[name] = value
            case _:
                raise NotRead(f"a {type(node).__name__} in class `{declared.name}`", node)
    return found


def method_of(declared: ast.ClassDef, name: str) -> ast.FunctionDef:
    for node in declared.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise NotRead(f"class `{declared.name}` has no `{name}`", declared)
