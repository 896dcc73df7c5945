"""Emitted modules with one mistake each."""

from __future__ import annotations

import ast
from collections.abc import Iterator

OTHERWISE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
SAME = ("is_quorum",)
"""Functions that no step calls."""


def mutants_of(text: str) -> Iterator[tuple[str, str]]:
    """Each place of the functions of a module where one thing is left out or turned round: what it is, and the module
    with it."""
    tree = ast.parse(text)
    functions = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name not in SAME]
    for function in functions:
        for node in (function, *(node for statement in function.body for node in ast.walk(statement))):
            yield from _without_statement(tree, function, node)
            yield from _turned_round(tree, function, node)


def _without_statement(tree: ast.Module, function: ast.FunctionDef, node: ast.AST) -> Iterator[tuple[str, str]]:
    for field in ("body", "orelse"):
        body = getattr(node, field, None)
        if not isinstance(body, list):
            continue
        for place, statement in enumerate(body):
            acts = isinstance(statement, ast.Assign | ast.AugAssign) or (
                isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
            )
            said = ast.unparse(statement)
            if acts and said not in ("now = Now(me, everyone, state)", "_ = False"):
                body[place] = ast.Pass()
                yield f"{function.name}: without `{said}`", ast.unparse(tree)
                body[place] = statement


def _turned_round(tree: ast.Module, function: ast.FunctionDef, node: ast.AST) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Compare(ops=[was]) if type(was) in OTHERWISE:
            before = ast.unparse(node)
            node.ops = [OTHERWISE[type(was)]()]
            yield f"{function.name}: `{ast.unparse(node)}` for `{before}`", ast.unparse(tree)
            node.ops = [was]
        case ast.BinOp(op=ast.Add() | ast.BitOr() as was):
            before = ast.unparse(node)
            node.op = ast.Sub() if isinstance(was, ast.Add) else ast.BitAnd()
            yield f"{function.name}: `{ast.unparse(node)}` for `{before}`", ast.unparse(tree)
            node.op = was
        case ast.BoolOp(op=ast.And() | ast.Or() as was):
            before = ast.unparse(node)
            node.op = ast.Or() if isinstance(was, ast.And) else ast.And()
            yield f"{function.name}: `{ast.unparse(node)}` for `{before}`", ast.unparse(tree)
            node.op = was
