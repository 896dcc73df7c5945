"""Mistakes by those who know other languages better: their signs and words, and what is written otherwise here.

Each rule knows one mistake, or one sort of them, and gives None for all else.
"""

from __future__ import annotations

import unicodedata

from spec import expected, foreign
from spec.diagnostics import Diagnostic
from spec.failure import Failure, after, at, wanted
from spec.source import Span
from spec.tokens import STATEMENT_WORDS, Token, open_brackets


def open_text(failure: Failure) -> Diagnostic | None:
    found = failure.found
    if found is None or found.kind != "open text":
        return None
    return Diagnostic("E0105", "a text without a closing quote", at(found), 'expected `"` before the line ends')


def strange_character(failure: Failure) -> Diagnostic | None:
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
    return Diagnostic("E0106", f"`{character}` means nothing here", at(found), f"expected {wanted(failure)}")


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


def foreign_sign(failure: Failure) -> Diagnostic | None:
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
            if sign == "'" and failure.before is not None and failure.before.end == found.start:
                instead = foreign.PRIME
            span = Span(found.line, found.column - back, found.line, found.column - back + length)
            label = f"expected {instead.label}" if instead.label else f"expected {wanted(failure)}"
            return Diagnostic("E0101", f"`{sign}` is no sign of the language", span, label, instead.help)
    return None


# Words and signs in the wrong place ----------------------------------------------------------------------------------


def wrong_assignment(failure: Failure) -> Diagnostic | None:
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


def misused_else(failure: Failure) -> Diagnostic | None:
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


def arm_without_if(failure: Failure) -> Diagnostic | None:
    """An `elif` or `else` that has been taken for the beginning of a statement, for no `if` stands before it."""
    found, before = failure.found, failure.before
    if before is None:
        return None
    after_statement = found is not None and before.line == found.line and "AND" in failure.accepted
    if found is not None and found.text in ("else", "elif") and after_statement:
        said = f"`{found.text}` stands on a line of its own"
        return Diagnostic("E0101", f"`{found.text}` was not expected here", at(found), "expected a new line", said)
    if before.text in ("else", "elif") and "ASSIGN" in failure.accepted:
        return Diagnostic("E0101", f"`{before.text}` belongs to no `if`", at(before), "expected a statement")
    return None


def foreign_word(failure: Failure) -> Diagnostic | None:
    """A word of another language, where the line begins or where the parser stopped."""
    line, found = failure.line, failure.found
    candidates = [found] if found is not None and not failure.ended and found.text in foreign.INFIX else []
    if line and failure.index <= failure.tokens.index(line[0]) + 1:
        candidates.append(line[0])
    for token in candidates:
        advice = foreign.WORDS.get(token.text)
        if advice is not None:
            message = f"`{token.text}` is no word of the language"
            if token.text in ("then", "node", "set"):
                message = f"`{token.text}` was not expected here"
            return Diagnostic("E0101", message, at(token), f"expected {wanted(failure, at_word=token)}", advice)
    return None


def wrong_construct(failure: Failure) -> Diagnostic | None:
    """Constructs that exist, but are written in another way than in most languages."""
    if failure.found is None or failure.ended:
        return None
    for rule in (_in_an_expression, _in_a_head, _in_a_statement, _in_a_declaration):
        said = rule(failure, failure.found, failure.before.text if failure.before else "")
        if said is not None:
            label, advice = said
            message = f"`{failure.found.text}` was not expected here"
            return Diagnostic("E0101", message, at(failure.found), f"expected {label or wanted(failure)}", advice)
    return None


_Said = tuple[str, str] | None
"""What was expected (empty: what the parser says), and the advice."""


def _in_an_expression(failure: Failure, found: Token, before: str) -> _Said:
    accepted = failure.accepted
    opened = open_brackets(failure.tokens[: failure.index])
    same_line = failure.before is not None and failure.before.line == found.line
    if found.text == "if" and "COMPARISON" in accepted and same_line:
        return "", "a choice between two values is written `if CONDITION then VALUE else VALUE`"
    if found.text in ("==", "!=", "<", "<=", ">", ">=", "in") and "AND" in accepted and "COMPARISON" not in accepted:
        return "`and`, `or` or the end", "write `a < b and b < c`: comparisons do not chain"
    if found.text in ("|", ":") and "IF" in accepted and opened and opened[-1].text == "{":
        return "`if`", "a part of a set is written `{NAME in SET if CONDITION}`"
    if found.text == "[" and accepted >= expected.OPERANDS - {"NOT", "MINUS"}:
        return "", "there are no lists; a set is written `{a, b}`"
    if found.kind == "number" and before == "." and failure.tokens[max(failure.index - 2, 0)].kind == "number":
        return "", "there are whole numbers only"
    if found.text == "all" and before == "for":
        return "", "`forall` is one word"
    return None


def _in_a_head(failure: Failure, found: Token, before: str) -> _Said:
    first = failure.tokens[0]
    if found.text == "{" and "COLON" in failure.accepted:
        return "`:`", "a block has no braces: it is what stands indented below a line that ends in `:`"
    if found.text == "." and before.isdigit():
        return "a whole number", "half a second is `500 ms`, a drift of a tenth `drift 1 in 10`"
    if first.line != found.line:
        return None
    if found.text == ":" and first.text == "on" and open_brackets(failure.tokens[: failure.index]):
        return "`,` or `)`", "the types stand where the message is declared; a handler only names the fields"
    if found.text == "(" and before == "start" and failure.index == 2:
        return "", "`start` is a word of the language here; a message needs another name"
    if first.text == "on" and "timeout" in (found.text, before) and failure.index == 2:
        return "", f"written `{expected.ITEM_FORMS['on timeout']}`"
    if found.text == "-" and "_NL" in failure.accepted and "MINUS" not in failure.accepted and failure.index == 2:
        return "", "a name has no `-` in it; write `_`"
    if found.kind == "number" and failure.accepted == {"NAME"}:
        return "", "a name begins with a letter"
    return None


def _in_a_statement(failure: Failure, found: Token, before: str) -> _Said:
    line = failure.line
    if found.text == "to" and line[0].text == "broadcast":
        return "", "`broadcast` goes to all others; `send MESSAGE(ARGUMENT, ...) to PROCESS` goes to one"
    if "ASSIGN" not in failure.accepted:
        return None
    if found.text == "." and any(token.text == ":=" for token in line):
        return "", "a process changes its own variables only; it tells another by a message"
    if found.text == ".":
        return "", f"a set grows by `{before} := {before} + {{...}}` and shrinks by `{before} := {before} - {{...}}`"
    if found.text == ",":
        return "", "one variable at a time; the statements of a handler are one step all the same"
    return None


def _in_a_declaration(failure: Failure, found: Token, before: str) -> _Said:
    if found.text in ("<", "=", "==", ":=") and "AT_MOST" in failure.accepted:
        return "`<=`", f"written `{expected.ROW_FORM}`"
    if failure.tokens[0].text != "process":
        return None
    if before == "durable" and failure.line[0].text != "durable":
        return "", f"`durable` stands first: `durable {expected.VARIABLE_FORM}`"
    if found.text == "{" and failure.accepted >= expected.TYPES:
        return "a type", "an enumeration is written without braces, `a | b | c`"
    if found.text in ("<", "[") and before in ("set", "map"):
        return "", "written `set of KIND` or `map from KIND to TYPE`"
    return None
