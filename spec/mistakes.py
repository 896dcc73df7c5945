"""What a person probably meant where the parser could not go on.

The parser tells how far it got and what it would have taken next. Each rule here knows one mistake, or one sort of
them, and says what to write instead; the first rule that recognises what it sees speaks. Where none does, the rules
at the end try the smallest mends (another word, one more word or sign) and see with which of them the parser gets
further.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from spec import confusions, expected
from spec.diagnostics import Diagnostic
from spec.failure import WITH_STATEMENTS, Failure, after, at, form, wanted
from spec.source import Span
from spec.tokens import (
    BUILT_IN_WORDS,
    CLAUSE_WORDS,
    CLOSING,
    EXPRESSION_WORDS,
    ITEM_WORDS,
    LITERAL_WORDS,
    OPENING,
    STATEMENT_WORDS,
    TYPE_WORDS,
    Token,
    code,
    open_brackets,
)

WORDS = {
    *(*ITEM_WORDS, *STATEMENT_WORDS, *EXPRESSION_WORDS, *LITERAL_WORDS, *TYPE_WORDS, *CLAUSE_WORDS, *BUILT_IN_WORDS),
}
NEVER_MISSPELT = {*ITEM_WORDS, *STATEMENT_WORDS, *EXPRESSION_WORDS, *LITERAL_WORDS}

MENDING = {"COLON", "COMMA", "RPAR", "RBRACE", "RSQB", "EQUAL", "ASSIGN", "DOTS", "AT_MOST", "AMONG", "LEADS"}
"""Signs that may simply have been forgotten."""

HEADS = ("if", "elif", "else", "for", "while")
"""What other lines may stand below."""

JOINING = {
    *(*"+-*&=,", "==", "!=", "<", "<=", ">", ">=", "and", "or", "implies", "not", "in", "then", "with", "token", "by"),
}
"""After these a line goes on in the next one."""


def explain(failure: Failure) -> Diagnostic:
    """The one thing to say about the failure. Lines count from the item's first."""
    for rule in RULES:
        said = rule(failure)
        if said is not None:
            return said
    return _anything(failure)


def misplaced_statement(tokens: tuple[Token, ...]) -> bool:
    """Whether what stands in the first column, where an item should begin, is a statement or an arm."""
    first, second = tokens[0], tokens[1].text if len(tokens) > 1 else ""
    if first.kind != "word" or first.text in ITEM_WORDS:
        return False
    return first.text in STATEMENT_WORDS or second == ":="


def without_line(text: str, number: int) -> str | None:
    """An item without a statement, member or row that is wrong, so that the parser may find the next mistake; None
    where other lines hang on that one."""
    tokens = code(text)
    first = tokens[0].text if tokens else ""
    before = tuple(token for token in tokens if token.line < number)
    line = tuple(token for token in tokens if token.line == number)
    if not before or not line or first not in (*WITH_STATEMENTS, "process", "check"):
        return None
    if open_brackets(before) or open_brackets(line) or before[-1].text in JOINING:
        return None
    behind = next((token for token in tokens if token.line > number), None)
    if line[0].text in HEADS or (behind is not None and behind.column > line[0].column):
        return None
    lines = text.split("\n")
    lines[number - 1] = " " * (line[0].column - 1) + "pass" if first in WITH_STATEMENTS else ""
    return "\n".join(lines)


# Brackets ------------------------------------------------------------------------------------------------------------


def _bracket(failure: Failure) -> Diagnostic | None:
    found = failure.found
    opened = open_brackets(failure.tokens[: failure.index])
    if found is not None and found.text in CLOSING:
        if not opened:
            return Diagnostic("E0105", f"`{found.text}` closes nothing", at(found), "nothing is open here")
        closer = OPENING[opened[-1].text]
        if found.text != closer:
            message = f"`{found.text}` does not close `{opened[-1].text}`"
            where = f"`{opened[-1].text}` stands in line {{line}}, column {opened[-1].column}"
            return Diagnostic("E0105", message, at(found), f"expected `{closer}`", _in_line(where, opened[-1], failure))
        return None
    if not opened or (found is not None and found.line == opened[-1].line and found.text != ":="):
        return None
    unclosed = open_brackets(failure.tokens)
    if opened[0] not in unclosed:
        return None
    bracket = next(token for token in reversed(opened) if token in unclosed)
    closer = OPENING[bracket.text]
    return Diagnostic("E0105", f"`{bracket.text}` is never closed", at(bracket), f"expected a `{closer}` for this one")


def _in_line(text: str, token: Token, failure: Failure) -> str:
    same = failure.found is not None and failure.found.line == token.line
    return text.replace("in line {line}, column", "in column") if same else text.replace("{line}", str(token.line))


def _dangling_operator(failure: Failure) -> Diagnostic | None:
    """An operator at a line's end joins the next line to it, which was not meant where the operand is missing."""
    found = failure.found
    # The next line's first word may have been taken for the operand.
    begun = found is not None and found.text == ":="
    for index in (failure.index, failure.index - 1) if begun else (failure.index,):
        if not 0 < index < len(failure.tokens):
            continue
        last, first = failure.tokens[index - 1], failure.tokens[index]
        if last.text in JOINING and first.line > last.line and not open_brackets(failure.tokens[:index]):
            what = "the next element" if last.text == "," else "an expression"
            return Diagnostic("E0101", f"nothing stands after `{last.text}`", after(last), f"expected {what}")
    if found is None and failure.before is not None and failure.before.text in JOINING:
        message = f"nothing stands after `{failure.before.text}`"
        return Diagnostic("E0101", message, after(failure.before), f"expected {wanted(failure)}")
    return None


# Layout --------------------------------------------------------------------------------------------------------------


def _indentation(failure: Failure) -> Diagnostic | None:
    found, before = failure.found, failure.before
    if found is None:
        return None
    whole_indentation = Span(found.line, 1, found.line, max(found.column, 2))
    if failure.indented:
        if before is not None and _reach_with(failure, before.end, ":") > failure.index + 1:
            said = form(failure.tokens, before)
            return Diagnostic("E0101", "`:` is missing", after(before), "expected `:`", said)
        message = "this line is indented, but no block begins here"
        return Diagnostic("E0103", message, whole_indentation, "too far to the right")
    if "_INDENT" in failure.accepted and before is not None and found.line > before.line:
        head = next(t for t in failure.tokens if t.line == before.line)
        message = "a block is missing"
        label = f"expected a line indented further than `{head.text}` in the line before"
        return Diagnostic("E0103", message, whole_indentation if found.column > 1 else at(found), label)
    return None


def _no_unit(failure: Failure) -> Diagnostic | None:
    if failure.tokens[0].text != "process" or failure.accepted != {"NAME"} or failure.before is None:
        return None
    if failure.before.kind != "number":
        return None
    said = f"written `{expected.TIMER_FORM}`"
    return Diagnostic("E0101", "a time without its unit", after(failure.before), "expected `ms`, `s` or `min`", said)


def _int_without_range(failure: Failure) -> Diagnostic | None:
    before = failure.before
    if before is None or before.text != "int" or "NUMBER" not in failure.accepted:
        return None
    said = "an integer type names its range: `int 0..7`; without a bound it is `nat`"
    return Diagnostic("E0204", "`int` needs a range", at(before), "expected `int LOW..HIGH`", said)


def _no_initial_value(failure: Failure) -> Diagnostic | None:
    if not failure.ended or "EQUAL" not in failure.accepted or failure.before is None:
        return None
    if failure.tokens[0].text != "process":
        return None
    said = f"every variable begins with some value: written `{expected.VARIABLE_FORM}`"
    message = "a variable without an initial value"
    return Diagnostic("E0101", message, after(failure.before), "expected `=` and the value", said)


def _missing_block(failure: Failure) -> Diagnostic | None:
    if failure.found is not None or failure.before is None or "_INDENT" not in failure.accepted:
        return None
    first = failure.tokens[0].text
    if first == "process":
        said = "a process without variables and timers is written without the `:`"
    elif first in ("check", "define", "leads_to", *expected.ITEM_FORMS) and first not in WITH_STATEMENTS:
        said = form(failure.tokens, failure.before)
    else:
        said = "a block that does nothing is written `pass`"
    return Diagnostic("E0103", "a block is missing", after(failure.before), "expected an indented block", said)


# The smallest mends --------------------------------------------------------------------------------------------------


def _misspelt(failure: Failure) -> Diagnostic | None:
    """The word found, or the one before it, is nearly one with which the parser gets further."""
    best, reached = None, failure.index + 1
    for index in (failure.index - 1, failure.index):
        token = failure.tokens[index] if 0 <= index < len(failure.tokens) else None
        if token is None or token.kind != "word" or len(token.text) < 3 or token.text in NEVER_MISSPELT:
            continue
        for word in get_close_matches(token.text, sorted(WORDS - {token.text}), n=3, cutoff=0.6):
            reach = failure.reach(failure.text[: token.start] + word + failure.text[token.end :])
            if reach > reached:
                best, reached = (index, token, word), reach
    if best is None:
        return None
    index, token, word = best
    if index == 0:
        return _unknown_item(failure, token, f"did you mean `{word}`?")
    label = f"expected {wanted(failure)}" if index == failure.index else f"expected `{word}`"
    return Diagnostic("E0101", f"`{token.text}` was not expected here", at(token), label, f"did you mean `{word}`?")


def _another_sign(failure: Failure) -> Diagnostic | None:
    """Another sign in the place of the one found, with which the parser gets further."""
    found = failure.found
    if found is None or found.kind != "sign" or failure.ended or open_brackets(failure.tokens):
        return None
    mended = {
        sign: failure.reach(f"{failure.text[: found.start]} {sign} {failure.text[found.end :]}")
        for sign in (expected.spelling(terminal) for terminal in sorted(failure.accepted & MENDING))
    }
    sign = _best(mended, failure.index + 1)
    if sign is None:
        return None
    message = f"`{found.text}` was not expected here"
    return Diagnostic("E0101", message, at(found), f"expected `{sign}`", form(failure.tokens, failure.line[0]))


def _forgotten(failure: Failure) -> Diagnostic | None:
    """One more word or sign with which the parser gets further, if there is one that serves best."""
    found, before = failure.found, failure.before
    if before is None:
        return None
    # Which operator or which operand was meant, nobody knows.
    unknown = expected.OPERATORS if failure.accepted >= {"AND", "OR"} else set[str]()
    if failure.accepted >= expected.OPERANDS - {"NOT", "MINUS", "IF"}:
        unknown = unknown | expected.OPERANDS
    place = before.end if failure.ended or found is None else found.start
    added: dict[str, int] = {}
    for terminal in sorted(failure.accepted - unknown):
        spelling = expected.spelling(terminal)
        if spelling and (terminal in MENDING or terminal not in expected.SIGNS):
            added[spelling] = _reach_with(failure, place, f" {spelling} ")
    best = _best(added, failure.index + (1 if failure.ended else 2))
    if best is None:
        return None
    span = after(before) if failure.ended or found is None else at(found)
    label = f"expected `{best}`" + ("" if span == after(before) else " before this")
    return Diagnostic("E0101", f"`{best}` is missing", span, label, form(failure.tokens, failure.line[0]))


def _best(reached: Mapping[str, int], least: int) -> str | None:
    """The one with which the parser gets furthest, if it gets further than `least` and no other serves as well."""
    furthest = max(reached.values(), default=0)
    best = [mend for mend, reach in reached.items() if reach == furthest > least]
    return best[0] if len(best) == 1 else None


def _reach_with(failure: Failure, place: int, addition: str) -> int:
    return failure.reach(failure.text[:place] + addition + failure.text[place:])


def _anything(failure: Failure) -> Diagnostic:
    label = f"expected {wanted(failure)}"
    found, before = failure.found, failure.before
    operand_or_operator = failure.accepted >= {"AND", "OR"} or failure.accepted >= expected.OPERANDS - {"NOT", "MINUS"}
    said = "" if operand_or_operator or not failure.line else form(failure.tokens, failure.line[0])
    if before is not None and failure.ended:
        return Diagnostic("E0101", "the line ends too early", after(before), label, said)
    if found is None:
        return Diagnostic("E0101", "nothing stands here", Span(1, 1, 1, 2), label)
    if failure.index == 0:
        known = get_close_matches(found.text, ITEM_WORDS, n=1, cutoff=0.6)
        return _unknown_item(failure, found, f"did you mean `{known[0]}`?" if known else "")
    return Diagnostic("E0101", f"`{found.text}` was not expected here", at(found), label, said)


def _unknown_item(failure: Failure, first: Token, said: str) -> Diagnostic:
    if misplaced_statement(failure.tokens):
        said = "indent it by four spaces for each block that it stands in"
        return Diagnostic("E0103", "a statement stands in the first column", at(first), "expected an item", said)
    return Diagnostic("E0101", f"no item begins with `{first.text}`", at(first), f"expected {expected.ITEM}", said)


RULES: tuple[Callable[[Failure], Diagnostic | None], ...] = (
    *(confusions.open_text, confusions.strange_character, _int_without_range, confusions.foreign_sign),
    _dangling_operator,
    *(
        confusions.misused_else,
        confusions.arm_without_if,
        _bracket,
        confusions.wrong_assignment,
        confusions.foreign_word,
    ),
    *(confusions.wrong_construct, _indentation, _missing_block, _no_unit, _no_initial_value),
    *(_misspelt, _another_sign, _forgotten),
)
"""In this order: what is certain first, guesses last."""
