"""What people bring along from other languages, and what it is called here."""

from __future__ import annotations

from dataclasses import dataclass

QUOTES = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u00ab\u00bb"
QUOTED = 'texts stand in straight double quotes, `"like this"`'

CHARACTERS = {
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2260": "!=",
    "\u2227": "and",
    "\u2228": "or",
    "\u00ac": "not",
    "\u2208": "in",
    "\u2209": "not in",
    "\u21d2": "implies",
    "\u2192": "implies",
    "\u2200": "forall",
    "\u2203": "exists",
    "\u222a": "+",
    "\u2229": "&",
    "\u2216": "-",
    "\u00d7": "*",
    "\u2212": "-",
    "\u2013": "-",
    "\u2254": ":=",
    "\u21a6": ":=",
    "\u2190": ":=",
    "\u2026": "..",
    "\uff1a": ":",
    "\u2205": "{}",
}
"""Signs of mathematics and typography, with what a keyboard writes for them."""


@dataclass(frozen=True)
class Instead:
    """`label` names what is written instead, in backquotes; empty where that depends."""

    label: str
    help: str = ""


_IN_FULL = "written in full, as in `term := term + 1`"
SIGNS = {
    "&&": Instead("`and`"),
    "||": Instead("`or`"),
    "!": Instead("`not`"),
    "===": Instead("`==`"),
    "!==": Instead("`!=`"),
    "<>": Instead("`!=`"),
    "=>": Instead("`implies`", "the comparison is written `>=`"),
    "==>": Instead("`implies`"),
    "->": Instead("`implies`"),
    "<-": Instead("`:=`"),
    "=<": Instead("`<=`"),
    "/\\": Instead("`and`"),
    "\\/": Instead("`or`"),
    "+=": Instead("`:=`", _IN_FULL),
    "-=": Instead("`:=`", _IN_FULL),
    "*=": Instead("`:=`", _IN_FULL),
    "++": Instead("`:=`", _IN_FULL),
    "...": Instead("", "a block that does nothing is written `pass`"),
    "--": Instead("", "a comment begins with `#`; adding one is written in full, as in `term := term + 1`"),
    "**": Instead("", "there are no powers, only `+`, `-` and `*`"),
    "//": Instead("", "a comment begins with `#`"),
    "/*": Instead("", "a comment begins with `#` and ends with the line"),
    "/": Instead("", "there is no division; of a majority, say `2 * size(s) > size(node)` or `quorum(s)`"),
    "%": Instead("", "there is no remainder; the next process of a ring is `successor(p)`"),
    "?": Instead("", "a choice between two values is written `if CONDITION then VALUE else VALUE`"),
    ";": Instead("", "each statement stands on a line of its own"),
    "\\": Instead(
        "", "a line goes on after an operator or a comma, within brackets, and before `and`, `or`, `implies`"
    ),
    "'": Instead("", QUOTED),
    "`": Instead("", QUOTED),
    "^": Instead("", "`!=` of two conditions holds where just one of them does"),
}
"""Signs that mean something elsewhere. A sign of one character is looked for only as a token of its own."""

PRIME = Instead("`next(...)`", "the value after the step is written `next(x)`, in a `step` property")
"""What `x'` means to those who know TLA+."""

WORDS = {
    "return": "there is no `return`: a handler runs to its end; put what must not run under `if` and `else`",
    "break": "a loop runs for every element of its set; choose them with `{n in SET if CONDITION}`",
    "continue": "a loop runs for every element of its set; choose them with `{n in SET if CONDITION}`",
    "def": "statements are named by `procedure NAME():`, an expression by `define NAME(): EXPRESSION`",
    "fn": "statements are named by `procedure NAME():`, an expression by `define NAME(): EXPRESSION`",
    "func": "statements are named by `procedure NAME():`, an expression by `define NAME(): EXPRESSION`",
    "function": "statements are named by `procedure NAME():`, an expression by `define NAME(): EXPRESSION`",
    "var": "a variable is declared in its process; `let NAME = EXPRESSION` names a value within a handler",
    "const": "`let NAME = EXPRESSION` names a value within a handler, `define NAME(): EXPRESSION` anywhere",
    "set": "an assignment is written `VARIABLE := EXPRESSION`",
    "when": "a handler begins with `on`; a step that needs no event is `action NAME if CONDITION:`",
    "upon": "a handler begins with `on`",
    "receive": "a handler is written `on MESSAGE(NAME, ...) from SENDER:`",
    "then": "the body of an `if` stands indented on the next lines, after a `:`",
    "switch": "there is no `switch`; use `if`, `elif` and `else`",
    "match": "there is no `match`; use `if`, `elif` and `else`",
    "case": "there is no `case`; use `if`, `elif` and `else`",
    "import": "a protocol stands in one file",
    "include": "a protocol stands in one file",
    "enum": "an enumeration is written `type NAME = VALUE | VALUE`",
    "struct": "what a process remembers is declared in `process NAME:`",
    "class": "what a process remembers is declared in `process NAME:`",
    "node": "a kind of process is declared by `process node:`",
    "init": "what runs first is `on start:`; a variable has its initial value where it is declared",
    "print": "nothing is printed: a counterexample shows what every step changed and sent",
    "assume": "an `assert` holds wherever it is reached; a guard is written `if CONDITION` in the handler's head",
    "property": "a property is declared by `safety`, `step`, `reachable`, `recovers` or `leads_to`",
    "xor": "`!=` of two conditions holds where just one of them does",
    "mod": "there is no remainder; the next process of a ring is `successor(p)`",
    "div": "there is no division; of a majority, say `2 * size(s) > size(node)` or `quorum(s)`",
    "union": "the union of two sets is written `+`",
    "subset": "`<=` between two sets says that one is a part of the other",
    "unless": "written `if not CONDITION`",
    "do": "the body stands indented on the next lines, after a `:`",
    "begin": "the body stands indented on the next lines, after a `:`",
    "end": "a block ends where its indentation does",
}
"""Words that mean something elsewhere. They may be names here: this is asked only where the parser has stopped."""

INFIX = frozenset(("then", "do", "begin", "xor", "mod", "div", "union", "subset", "unless"))
"""Those of them that do not begin a line."""
