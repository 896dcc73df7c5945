"""What a person probably meant where the parser could not go on.

The parser tells how far it got and what it would have taken next. Each rule here knows one mistake, or one sort of
them, and says what to write instead; the first rule that recognises what it sees speaks. Where none does, the rules
at the end try the smallest mends (another word, one more word or sign) and see with which of them the parser gets
further.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from spec import expected, foreign
from spec.diagnostics import Diagnostic
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
    open_brackets,
)

WORDS = {
    *(*ITEM_WORDS, *STATEMENT_WORDS, *EXPRESSION_WORDS, *LITERAL_WORDS, *TYPE_WORDS, *CLAUSE_WORDS, *BUILT_IN_WORDS),
}
MENDING = {"COLON", "COMMA", "LPAR", "RPAR", "RBRACE", "RSQB", "EQUAL", "ASSIGN", "DOTS", "AT_MOST", "AMONG", "LEADS"}
"""Signs that may simply have been forgotten."""


@dataclass(frozen=True)
class Failure:
    """Where the parser stopped within one item.

    `tokens` are those of the item that mean something; it took the first `index` of them. `accepted` are the
    terminals that it would have taken next. `ended` means that it met the end of the line, the block or the item
    there, `indented` that it met a deeper indentation.
    `reach(text)` tells how many tokens of another text the parser takes (all, and one more, if it is right).
    """

    text: str
    tokens: tuple[Token, ...]
    index: int
    accepted: frozenset[str]
    ended: bool
    indented: bool
    reach: Callable[[str], int]

    @property
    def found(self) -> Token | None:
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    @property
    def before(self) -> Token | None:
        return self.tokens[self.index - 1] if self.index else None

    @property
    def line(self) -> tuple[Token, ...]:
        """The line of the failure: that of the token found, or of the one before where the line ends too early."""
        token = self.before if self.ended else self.found
        return tuple(t for t in self.tokens if token is not None and t.line == token.line)


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


# Places --------------------------------------------------------------------------------------------------------------


def at(token: Token, last: Token | None = None) -> Span:
    """The place of a token, or from one token to another."""
    last = last or token
    return Span(token.line, token.column, last.line, last.column + len(last.text))


def after(token: Token) -> Span:
    """The place right after a token, where something is missing."""
    column = token.column + len(token.text)
    return Span(token.line, column, token.line, column + 1)


def _place(failure: Failure) -> Span:
    if failure.before is not None and failure.ended:
        return after(failure.before)
    return at(failure.found) if failure.found else Span(1, 1, 1, 2)


# Characters ----------------------------------------------------------------------------------------------------------


def _open_text(failure: Failure) -> Diagnostic | None:
    found = failure.found
    if found is None or found.kind != "open text":
        return None
    return Diagnostic("E0105", "a text without a closing quote", at(found), 'expected `"` before the line ends')


def _strange_character(failure: Failure) -> Diagnostic | None:
    found = failure.found
    if found is None or found.kind != "other" or " " < found.text < "\x7f":
        return None
    character = found.text
    if character in foreign.QUOTES:
        return Diagnostic("E0106", f"`{character}` does not begin a text", at(found), 'expected `"`', foreign.QUOTED)
    if character in foreign.CHARACTERS:
        return Diagnostic(
            "E0106",
            f"`{character}` is no sign of the language",
            at(found),
            f"expected `{foreign.CHARACTERS[character]}`",
        )
    if character.isalnum() or unicodedata.category(character).startswith("M"):
        # A word that begins in plain letters has been taken up to here.
        together = _touching(failure.tokens, failure.index)
        word = "".join(token.text for token in together)
        said = "names are made of the letters a to z, digits and `_`"
        return Diagnostic(
            "E0106", f"`{word}` cannot be a name", at(together[0], together[-1]), "not a plain name", said
        )
    if unicodedata.category(character)[0] in "CZ":
        name = unicodedata.name(character, "a control character")
        return Diagnostic(
            "E0106",
            f"a character that cannot be seen: U+{ord(character):04X}, {name}",
            at(found),
            "expected a plain space",
        )
    return Diagnostic("E0106", f"`{character}` means nothing here", at(found), f"expected {_wanted(failure)}")


def _touching(tokens: tuple[Token, ...], index: int) -> list[Token]:
    """The tokens of letters and digits around one, with nothing between them."""

    def wordlike(token: Token) -> bool:
        return token.kind in ("word", "number") or (token.kind == "other" and token.text.isalnum())

    first, last = index, index
    while first and tokens[first - 1].end == tokens[first].start and wordlike(tokens[first - 1]):
        first -= 1
    while last + 1 < len(tokens) and tokens[last].end == tokens[last + 1].start and wordlike(tokens[last + 1]):
        last += 1
    return list(tokens[first : last + 1])


def _foreign_sign(failure: Failure) -> Diagnostic | None:
    """`&&`, `!`, `+=` and the like, by the longest sign that covers the place."""
    found = failure.found
    if found is None or found.kind not in ("other", "sign"):
        return None
    for length in (3, 2, 1):
        for back in range(length):
            start = found.start - back
            sign = failure.text[start : start + length] if start >= 0 else ""
            instead = foreign.SIGNS.get(sign)
            if instead is None or (length == 1 and found.text != sign):
                continue
            span = Span(found.line, found.column - back, found.line, found.column - back + length)
            label = f"expected {instead.label}" if instead.label else f"expected {_wanted(failure)}"
            return Diagnostic("E0101", f"`{sign}` is no sign of the language", span, label, instead.help)
    return None


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


# Words and signs in the wrong place ----------------------------------------------------------------------------------


def _dangling_operator(failure: Failure) -> Diagnostic | None:
    """An operator at a line's end joins the next line to it, which was not meant where the operand is missing."""
    for index in (failure.index, failure.index - 1):
        if not 0 < index < len(failure.tokens):
            continue
        last, first = failure.tokens[index - 1], failure.tokens[index]
        joined = last.text in (*"+-*&=,", "==", "!=", "<", "<=", ">", ">=", "and", "or", "implies", "not", "in")
        if joined and first.line > last.line and not open_brackets(failure.tokens[:index]):
            what = "the next element" if last.text == "," else "an expression"
            message = f"nothing stands after `{last.text}`"
            return Diagnostic("E0101", message, after(last), f"expected {what}")
    if failure.found is None and failure.before is not None and failure.before.text in "+-*&=,":
        message = f"nothing stands after `{failure.before.text}`"
        return Diagnostic("E0101", message, after(failure.before), f"expected {_wanted(failure)}")
    return None


def _wrong_assignment(failure: Failure) -> Diagnostic | None:
    found = failure.found
    if found is None or found.text not in ("=", "==", ":=", ":"):
        return None
    span = at(found)
    word = failure.before.text if failure.before else ""
    if (found.text == ":=" and word in STATEMENT_WORDS) or (found.text == ":" and word in ("timer", "durable")):
        assert failure.before is not None
        message = f"`{word}` is a word of the language and cannot be a variable"
        return Diagnostic("E0101", message, at(failure.before), "expected the name of a variable")
    if "ASSIGN" in failure.accepted and found.text != ":=":
        said = "`==` compares, which is no statement" if found.text == "==" else ""
        return Diagnostic("E0101", f"an assignment is written `:=`, not `{found.text}`", span, "expected `:=`", said)
    if "EQUAL" in failure.accepted and found.text == ":=":
        if failure.line and failure.line[0].text == "let":
            said = "`let` names a value for good and takes `=`; `:=` changes a variable"
        else:
            said = "what a variable begins with is written with `=`; `:=` changes it later"
        return Diagnostic("E0101", "`:=` was not expected here", span, "expected `=`", said)
    if "COMPARISON" in failure.accepted and found.text in ("=", ":="):
        message = f"a comparison is written `==`, not `{found.text}`"
        return Diagnostic("E0101", message, span, "expected `==`")
    return None


def _else(failure: Failure) -> Diagnostic | None:
    """An `else` with something other than its colon behind it. The layout takes it for half an expression."""
    index = failure.index
    if not (failure.found and failure.found.text == "else") and index and failure.tokens[index - 1].text == "else":
        index -= 1
    if not (0 <= index < len(failure.tokens)) or failure.tokens[index].text != "else":
        return None
    word = failure.tokens[index]
    if "IF" in failure.accepted or word.line != min((t for t in failure.tokens if t.line == word.line), key=at).line:
        return None
    behind = failure.tokens[index + 1] if index + 1 < len(failure.tokens) else None
    if behind is not None and behind.line == word.line and behind.text == "if":
        return Diagnostic("E0101", "`else if` is written `elif`", at(word, behind), "expected `elif`")
    if behind is None or behind.line > word.line:
        return Diagnostic("E0101", "`:` is missing", after(word), "expected `:`", "written `else:`")
    return None


def _foreign_word(failure: Failure) -> Diagnostic | None:
    """A word of another language, where the line begins or where the parser stopped."""
    line, found = failure.line, failure.found
    candidates = [found] if found is not None and not failure.ended and found.text in foreign.INFIX else []
    if line and failure.index <= failure.tokens.index(line[0]) + 1:
        candidates.append(line[0])
    for token in candidates:
        advice = foreign.WORDS.get(token.text)
        if advice is not None:
            message = f"`{token.text}` is no word of the language"
            return Diagnostic("E0101", message, at(token), f"expected {_wanted(failure, at_word=token)}", advice)
    return None


def _wrong_construct(failure: Failure) -> Diagnostic | None:
    """Constructs that exist, but are written in another way than in most languages."""
    found, accepted = failure.found, failure.accepted
    if found is None or failure.ended:
        return None
    said, label = "", ""
    line = failure.line
    opened = open_brackets(failure.tokens[: failure.index])
    if found.text == "if" and "COMPARISON" in accepted and failure.before and failure.before.line == found.line:
        said = "a choice between two values is written `if CONDITION then VALUE else VALUE`"
    elif found.text in ("==", "!=", "<", "<=", ">", ">=", "in") and "AND" in accepted and "COMPARISON" not in accepted:
        said, label = "write `a < b and b < c`: comparisons do not chain", "expected `and`, `or` or the end"
    elif found.text in ("|", ":") and "IF" in accepted and opened and opened[-1].text == "{":
        said, label = "a part of a set is written `{NAME in SET if CONDITION}`", "expected `if`"
    elif found.text == ":" and failure.tokens[0].text == "on" and found.line == failure.tokens[0].line and opened:
        said, label = (
            "the types stand where the message is declared; a handler only names the fields",
            "expected `,` or `)`",
        )
    elif found.text in ("<", "=", "==", ":=") and "AT_MOST" in accepted:
        said, label = f"written `{expected.ROW_FORM}`", "expected `<=`"
    elif found.text == "to" and line and line[0].text == "broadcast":
        said = "`broadcast` goes to all others; `send MESSAGE(ARGUMENT, ...) to PROCESS` goes to one"
    elif found.text == "(" and failure.before and failure.before.text in ("start", "timeout") and failure.index == 2:
        said = f"`{failure.before.text}` is a word of the language here; a message needs another name"
    if not said:
        return None
    message = f"`{found.text}` was not expected here"
    return Diagnostic("E0101", message, at(found), label or f"expected {_wanted(failure)}", said)


# Layout --------------------------------------------------------------------------------------------------------------


def _indentation(failure: Failure) -> Diagnostic | None:
    found, before = failure.found, failure.before
    if found is None:
        return None
    whole_indentation = Span(found.line, 1, found.line, max(found.column, 2))
    if failure.indented:
        if before is not None and _reach_with(failure, before.end, ":") > failure.index + 1:
            form = _form(failure.tokens, before)
            return Diagnostic("E0101", "`:` is missing", after(before), "expected `:`", form)
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
    elif first in ("check", "define", "leads_to", *expected.ITEM_FORMS) and first not in foreign.WITH_STATEMENTS:
        said = _form(failure.tokens, failure.before)
    else:
        said = "a block that does nothing is written `pass`"
    return Diagnostic("E0103", "a block is missing", after(failure.before), "expected an indented block", said)


# The smallest mends --------------------------------------------------------------------------------------------------


def _misspelt(failure: Failure) -> Diagnostic | None:
    """The word found, or the one before it, is nearly one with which the parser gets further."""
    best, reached = None, failure.index + 1
    for index in (failure.index - 1, failure.index):
        token = failure.tokens[index] if 0 <= index < len(failure.tokens) else None
        if token is None or token.kind != "word" or len(token.text) < 3:
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
    label = f"expected {_wanted(failure)}" if index == failure.index else f"expected `{word}`"
    return Diagnostic("E0101", f"`{token.text}` was not expected here", at(token), label, f"did you mean `{word}`?")


def _forgotten(failure: Failure) -> Diagnostic | None:
    """One more word or sign with which the parser gets further, if there is one that serves best."""
    found, before = failure.found, failure.before
    if before is None:
        return None
    place = before.end if failure.ended or found is None else found.start
    # Which operator or which operand was meant, nobody knows.
    unknown = expected.OPERATORS if failure.accepted >= {"AND", "OR"} else set[str]()
    if failure.accepted >= expected.OPERANDS - {"NOT", "MINUS", "IF"}:
        unknown = unknown | expected.OPERANDS
    reached: dict[str, int] = {}
    for terminal in sorted(failure.accepted):
        if (terminal in MENDING or terminal.isalpha()) and terminal not in unknown:
            reached[expected.spelling(terminal)] = _reach_with(failure, place, f" {expected.spelling(terminal)} ")
    further = {sign: reach for sign, reach in reached.items() if sign and reach > failure.index + 2}
    best = [sign for sign, reach in further.items() if reach == max(further.values())]
    if len(best) != 1:
        return None
    span = after(before) if failure.ended or found is None else at(found)
    label = f"expected `{best[0]}`" + ("" if span == after(before) else " before this")
    return Diagnostic("E0101", f"`{best[0]}` is missing", span, label, _form(failure.tokens, failure.line[0]))


def _reach_with(failure: Failure, place: int, addition: str) -> int:
    return failure.reach(failure.text[:place] + addition + failure.text[place:])


def _anything(failure: Failure) -> Diagnostic:
    label = f"expected {_wanted(failure)}"
    found, before = failure.found, failure.before
    operand_or_operator = failure.accepted >= {"AND", "OR"} or failure.accepted >= expected.OPERANDS - {"NOT", "MINUS"}
    said = "" if operand_or_operator or not failure.line else _form(failure.tokens, failure.line[0])
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


def _wanted(failure: Failure, at_word: Token | None = None) -> str:
    """What the parser would have taken; at the beginning of a statement's line, a statement."""
    if at_word is not None and at_word is not failure.found:
        return "an item" if at_word.column == 1 else "a statement"
    return expected.described(failure.accepted) or "something else"


def _form(tokens: tuple[Token, ...], line_of: Token) -> str:
    """How what stands in a line is written."""
    line = [t for t in tokens if t.line == line_of.line]
    form = next(_forms(tokens, line), "")
    return f"written `{form}`" if form else ""


def _forms(tokens: tuple[Token, ...], line: list[Token]) -> Iterator[str]:
    first, item = line[0].text, tokens[0].text
    if line[0].column == 1:
        second = line[1].text if len(line) > 1 else ""
        for words in (f"{first} {second}", first):
            if words in expected.ITEM_FORMS:
                yield expected.ITEM_FORMS[words]
    elif item == "process":
        yield expected.TIMER_FORM if first == "timer" else expected.VARIABLE_FORM
    elif item == "check":
        yield expected.ROW_FORM
    elif item in foreign.WITH_STATEMENTS and first in expected.STATEMENT_FORMS:
        yield expected.STATEMENT_FORMS[first]


RULES: tuple[Callable[[Failure], Diagnostic | None], ...] = (
    *(_open_text, _strange_character, _foreign_sign, _dangling_operator, _else, _bracket, _wrong_assignment),
    *(
        _foreign_word,
        _wrong_construct,
        _indentation,
        _missing_block,
        _no_unit,
        _no_initial_value,
        _misspelt,
        _forgotten,
    ),
)
"""In this order: what is certain first, guesses last."""
