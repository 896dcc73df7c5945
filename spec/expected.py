"""What the parser would have taken, in words."""

from __future__ import annotations

from collections.abc import Collection

from spec.tokens import STATEMENT_WORDS

SIGNS = {
    "COLON": ":",
    "COMMA": ",",
    "LPAR": "(",
    "RPAR": ")",
    "LBRACE": "{",
    "RBRACE": "}",
    "LSQB": "[",
    "RSQB": "]",
    "EQUAL": "=",
    "ASSIGN": ":=",
    "VBAR": "|",
    "DOT": ".",
    "DOTS": "..",
    "QMARK": "?",
    "LEADS": "~>",
    "AMONG": "in",
    "PLUS": "+",
    "MINUS": "-",
    "AMPERSAND": "&",
    "TIMES": "*",
    "AT_MOST": "<=",
}
"""The names that the grammar gives to signs; a word's terminal is the word in capitals."""

NAMES = {
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": 'a text in "quotes"',
    "COMPARISON": "a comparison",
    "_NL": "the end of the line",
    "_INDENT": "an indented block",
    "_DEDENT": "the end of the block",
    "$END": "the end of the file",
}
OPERATORS = {"AND", "OR", "IMPLIES", "COMPARISON", "PLUS", "MINUS", "AMPERSAND", "TIMES", "IN", "NOT", "DOT", "LSQB"}
OPERANDS = {
    *("NAME", "NUMBER", "LPAR", "LBRACE", "TRUE", "FALSE", "NONE", "SELF", "QUANTIFIER", "NOT", "MINUS", "IF"),
}
TYPES = {"NAME", "INT", "SET", "MAP"}
STATEMENTS = {word.upper() for word in STATEMENT_WORDS}

ITEM_FORMS = {
    "protocol": "protocol NAME",
    "type": "type NAME = VALUE | VALUE",
    "process": "process NAME:",
    "message": "message NAME(FIELD: TYPE, ...)",
    "on start": "on start:",
    "on timeout": "on timeout TIMER if CONDITION:",
    "on": "on MESSAGE(NAME, ...) from SENDER if CONDITION:",
    "action": "action NAME if CONDITION:",
    "input": "input NAME(PARAMETER: TYPE, ...) if CONDITION:",
    "procedure": "procedure NAME(PARAMETER: TYPE, ...):",
    "define": "define NAME(PARAMETER: TYPE, ...): EXPRESSION",
    "leader": "leader if CONDITION with token EXPRESSION",
    "safety": "safety NAME: CONDITION",
    "invariant": "invariant NAME: CONDITION",
    "step": "step NAME: CONDITION",
    "reachable": "reachable NAME: CONDITION",
    "recovers": "recovers NAME [with a quorum]: CONDITION",
    "leads_to": "leads_to NAME: CONDITION ~> CONDITION",
    "network": "network: loss, duplication, reordering",
    "faults": "faults: restart, crash up to 2",
    "fairness": "fairness: eventually calm, weak delivery, weak timeout",
    "check": "check NAME: 3 nodes, term <= 3",
    "timed": "timed: tick 1 s, drift 1 in 10",
    "writes": "writes at KIND with token VARIABLE",
}
STATEMENT_FORMS = {
    "if": "if CONDITION:",
    "elif": "elif CONDITION:",
    "else": "else:",
    "for": "for NAME in SET:",
    "send": "send MESSAGE(ARGUMENT, ...) to PROCESS",
    "broadcast": "broadcast MESSAGE(ARGUMENT, ...)",
    "reset": "reset TIMER [since TIMER]",
    "stop": "stop TIMER",
    "let": "let NAME = EXPRESSION",
    "assert": "assert CONDITION",
    "pass": "pass",
    "unreachable": "unreachable",
}
ITEM = "an item such as `process`, `message`, `on`, `safety`, `check`"
VARIABLE_FORM = "NAME: TYPE = INITIAL"
TIMER_FORM = "timer NAME: 300 ms .. 500 ms"
ROW_FORM = "3, 4, 5 nodes, term <= 3"


def spelling(terminal: str) -> str:
    """How a terminal of one spelling is written; empty for one of many."""
    if terminal in NAMES or terminal in ("PROPERTY", "QUANTIFIER", "CONTINUATION"):
        return ""
    return SIGNS.get(terminal, terminal.lower())


def described(accepted: Collection[str]) -> str:
    """`an expression`, `an operator, `)` or the end of the line`, ..."""
    names = set(accepted) - {"CONTINUATION"}
    if names >= {"PROTOCOL", "PROCESS"}:
        return ITEM
    shown: list[str] = []
    if "SEND" in names:
        names -= STATEMENTS | {"NAME"}
        shown.append("a statement")
    if names >= OPERANDS - {"NOT", "MINUS", "IF"}:
        names -= OPERANDS
        shown.append("an expression")
    if names >= TYPES:
        names -= TYPES
        shown.append("a type")
    if names >= {"AND", "OR", "IMPLIES"}:
        # A call is no operator, but where a name may be called, the operator is what one forgets.
        names -= OPERATORS | {"LPAR"}
        shown.append("an operator")
    if "QUANTIFIER" in names:
        names -= {"QUANTIFIER"}
        shown += ["`exists`", "`forall`"]
    if "PROPERTY" in names:
        names -= {"PROPERTY"}
        shown.append("a property")
    shown += [f"`{sign}`" for sign in sorted(spelling(name) for name in names if spelling(name))]
    shown += [NAMES[name] for name in NAMES if name in names]
    return ", ".join(shown[:-1]) + " or " + shown[-1] if len(shown) > 1 else "".join(shown)
