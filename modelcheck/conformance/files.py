"""What an emitted package has beside its modules of processes and messages: which files there are, what is run as it is
imported, and the command that runs a node."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping

from modelcheck.conformance.wiring import Names
from spec.protocol import Protocol

MESSAGES = "messages.py"
INIT = "__init__.py"
MAIN = "__main__.py"


def wrong_package(
    protocol: Protocol, texts: Mapping[str, str], names: Mapping[str, Names], runtime: str
) -> Iterator[str]:
    """In what the files are not those of the protocol, or what they call things is not one name for each thing."""
    modules = [names[kind.name].module for kind in protocol.kinds]
    if sorted({*texts, INIT} - {MAIN}) != sorted([*modules, MESSAGES, INIT]):
        yield f"the files are {', '.join(sorted(texts))}"
    yield from (f"{file} is not read as UTF-8 by Python" for file, text in texts.items() if not _is_utf8(text))
    if MAIN in texts:
        listed = {kind.name: names[kind.name].module.removesuffix(".py") for kind in protocol.kinds}
        if not _is_main(texts[MAIN], listed, runtime):
            yield f"{MAIN} does something else than to run {', '.join(listed)} with {runtime}.main"
    body = _body(texts.get(INIT, ""))
    if body is None or body:
        yield f"{INIT} does something"
    parameters = [name for message in protocol.messages for name, _ in message.parameters]
    for kind in protocol.kinds:
        given = names[kind.name]
        for what, called, wanted in (
            ("variables", [*given.variables.values()], [variable.name for variable in kind.variables]),
            ("messages", [*given.classes.values()], [message.name for message in protocol.messages]),
            ("parameters", [*given.parameters], parameters),
        ):
            if sorted(called) != sorted(set(wanted)):
                yield f"the {what} of {kind.name} have not one name each"
        functions = [*given.inputs.values(), *given.actions.values()]
        for what, python in (("functions", functions), ("parameters", [*given.parameters.values()])):
            if len(set(python)) != len(python):
                yield f"two {what} of {kind.name} have one name"


def _is_utf8(text: str) -> bool:
    """Whether a file with this text is read as what is written: a comment at its head may name another encoding, in
    which comments are code."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(text.encode(errors="replace")).readline)
    except SyntaxError:
        return False
    return encoding == "utf-8"


def _body(text: str) -> list[ast.stmt] | None:
    """The statements of a module or a function without its docstring; None for what is no Python."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return _undocumented(body)


def _undocumented(body: list[ast.stmt]) -> list[ast.stmt]:
    match body:
        case [ast.Expr(ast.Constant(str())), *others]:
            return others
        case _:
            return body


def _is_main(text: str, modules: Mapping[str, str], runtime: str) -> bool:
    """Whether the command runs the protocol's processes, and does nothing else."""
    body = _body(text) or []
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    for function in body:
        if isinstance(function, ast.FunctionDef):
            function.body = _undocumented(function.body)
    run = "{" + ", ".join(f"{kind!r}: {module}.PROCESS" for kind, module in modules.items()) + "}"
    wanted = f"""
def run() -> int:
    return main({run})

if __name__ == "__main__":
    sys.exit(run())
"""
    brought = sorted(
        f"{'.' * getattr(node, 'level', 0)}{getattr(node, 'module', None) or ''}:{one.name}:{one.asname or ''}"
        for node in imports
        for one in node.names
    )
    expected = sorted([":sys:", f"{runtime}.main:main:", *(f".:{module}:" for module in modules.values())])
    return brought == expected and _dumped(body[len(imports) :]) == _dumped(ast.parse(wanted).body)


def _dumped(body: list[ast.stmt]) -> list[str]:
    return [ast.dump(node) for node in body]
