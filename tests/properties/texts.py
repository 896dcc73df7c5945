"""Texts that the grammar allows, written as no person would write them: every construct, with blanks, new lines and
comments wherever they may stand."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import NamedTuple

from hypothesis import strategies as st


class Part(NamedTuple):
    """A token. After one that is `open` the line may end, and before one that is `late` it may have."""

    text: str
    open: bool = False
    late: bool = False


class Lines(NamedTuple):
    """A line with the block below it, or with a body that may stand on it or below."""

    line: list[Part]
    block: "Sequence[Lines]" = ()
    body: Sequence[Part] = ()


NAMES = ("a", "b", "term", "role", "x1", "to", "from", "node", "voted_for", "quorum", "leader", "up", "message", "of")


def _parts(text: str) -> list[Part]:
    return [Part(word, open=word == ",") for word in text.split()]


def _name(random: Random) -> str:
    return random.choice(NAMES)


def _listed(random: Random, make: Callable[[], list[Part]], least: int = 0, most: int = 3) -> list[Part]:
    made: list[Part] = []
    for index in range(random.randint(least, most)):
        made += [*([Part(",", open=True)] if index else []), *make()]
    return made


def expression(random: Random, depth: int = 3) -> list[Part]:
    """An expression of any sort; what reaches as far right as it can stands last."""
    made = _chain(random, depth)
    if depth > 0 and random.random() < 0.2:
        made += [Part(random.choice(("and", "or", "implies")), True, True), *_greedy(random, depth - 1)]
    return made if depth <= 0 or random.random() < 0.9 else _greedy(random, depth - 1)


def _greedy(random: Random, depth: int) -> list[Part]:
    if random.random() < 0.5:
        names = _listed(random, lambda: [Part(_name(random))], 1, 2)
        head = [Part(random.choice(("exists", "forall"))), *names, Part("in"), *_postfix(random, 0)]
        return [*head, Part(":", open=True), *expression(random, depth)]
    if random.random() < 0.4:
        head = [Part(random.choice(("exists", "forall"))), *_looked_at(random)]
        return [*head, Part(":", open=True), *expression(random, depth)]
    yes, no = expression(random, depth - 1), expression(random, depth - 1)
    return [Part("if"), *_chain(random, 0), Part("then", True, True), *yes, Part("else", False, True), *no]


def _looked_at(random: Random) -> list[Part]:
    """Messages under way, or who has led."""

    def carrying() -> list[Part]:
        return [Part(_name(random)), Part("("), *_listed(random, lambda: [Part(_name(random))]), Part(")")]

    if random.random() < 0.3:
        return _parts(f"{_name(random)} led with {_name(random)}")
    ends = _parts(f"from {_name(random)} to {_name(random)}")
    return [*carrying(), *ends, *([Part("before"), *carrying()] if random.random() < 0.3 else [])]


def _chain(random: Random, depth: int) -> list[Part]:
    made = _negation(random, depth)
    while depth > 0 and random.random() < 0.3:
        made += [Part(random.choice(("and", "or", "implies")), True, True), *_negation(random, depth - 1)]
    return made


def _negation(random: Random, depth: int) -> list[Part]:
    made = [Part("not", open=True)] if random.random() < 0.1 else []
    made += _sum(random, depth)
    if random.random() < 0.4:
        operator = random.choice(("==", "!=", "<", "<=", ">", ">=", "in", "not in"))
        made += [*(Part(word, open=True) for word in operator.split()), *_sum(random, depth - 1)]
    return made


def _sum(random: Random, depth: int) -> list[Part]:
    made = _postfix(random, depth)
    while random.random() < 0.2:
        made += [Part(random.choice("+-*&"), open=True), *_postfix(random, depth - 1)]
    return [*([Part("-", open=True)] if random.random() < 0.05 else []), *made]


def _postfix(random: Random, depth: int) -> list[Part]:
    made = _atom(random, depth)
    while random.random() < 0.15:
        match random.choice("fmi") if depth > 0 else "f":
            case "f":
                made += [Part("."), Part(_name(random))]
            case "m":
                made += [Part("."), *_call(random, depth - 1)]
            case _:
                made += [Part("["), *expression(random, depth - 1), Part("]")]
    return made


def _call(random: Random, depth: int) -> list[Part]:
    return [Part(_name(random)), Part("("), *_listed(random, lambda: expression(random, depth)), Part(")")]


def _atom(random: Random, depth: int) -> list[Part]:
    if depth <= 0 or random.random() < 0.5:
        return [Part(random.choice((*NAMES, "0", "12", "007", "true", "false", "none", "self", "a_rather_long_name")))]
    match random.choice("cpelf"):
        case "c":
            return _call(random, depth - 1)
        case "p":
            return [Part("("), *expression(random, depth - 1), Part(")")]
        case "e":
            return [Part("{"), Part("}")]
        case "l":
            return [Part("{"), *_listed(random, lambda: expression(random, depth - 1), 1), Part("}")]
        case _:
            drawn = [Part(_name(random)), Part("in"), *_sum(random, depth - 1)]
            return [Part("{"), *drawn, Part("if"), *expression(random, depth - 1), Part("}")]


def _type(random: Random) -> list[Part]:
    return _parts(
        random.choice(
            (
                "bool",
                "nat",
                "node ?",
                "set of node",
                "map from node to set of a",
                "int - 1 .. 3",
                "int 0 .. 2 ?",
                "a | b",
            )
        )
    )


def _parameters(random: Random) -> list[Part]:
    return [Part("("), *_listed(random, lambda: [Part(_name(random)), Part(":"), *_type(random)]), Part(")")]


def _block(random: Random, depth: int) -> list[Lines]:
    return [made for _ in range(random.randint(1, 3)) for made in _statement(random, depth)]


def _statement(random: Random, depth: int) -> list[Lines]:
    kinds = ("assign", "entry", "send", "broadcast", "timer", "let", "call", "word", "assert")
    match random.choice((*kinds, "if", "for", "while") if depth > 0 else kinds):
        case "assign":
            return [Lines([Part(_name(random)), Part(":="), *expression(random)])]
        case "entry":
            key = [Part("["), *expression(random, 1), Part("]")]
            return [Lines([Part(_name(random)), *key, Part(":="), *expression(random)])]
        case "send":
            return [Lines([Part("send"), *_call(random, 2), Part("to"), *expression(random, 1)])]
        case "broadcast":
            return [Lines([Part("broadcast"), *_call(random, 2)])]
        case "timer":
            return [Lines(_parts(random.choice(("reset election", "stop heartbeat"))))]
        case "let":
            return [Lines([Part("let"), Part(_name(random)), Part("=", open=True), *expression(random)])]
        case "call":
            return [Lines(_call(random, 2))]
        case "word":
            return [Lines([Part(random.choice(("pass", "unreachable")))])]
        case "assert":
            return [Lines([Part("assert"), *expression(random)])]
        case "for":
            head = [Part("for"), Part(_name(random)), Part("in"), *expression(random, 1), Part(":")]
            return [_with_block(random, head, depth)]
        case "while":
            return [_with_block(random, [Part("while"), *expression(random, 1), Part(":")], depth)]
    arms = [_with_block(random, [Part("if"), *expression(random), Part(":")], depth)]
    while random.random() < 0.3:
        arms.append(_with_block(random, [Part("elif"), *expression(random, 1), Part(":")], depth))
    if random.random() < 0.4:
        arms.append(_with_block(random, [Part("else"), Part(":")], depth))
    return arms


def _with_block(random: Random, head: list[Part], depth: int) -> Lines:
    if random.random() < 0.15:
        return Lines(head, body=_statement(random, 0)[0].line)
    return Lines(head, block=_block(random, depth - 1))


def _at(random: Random) -> list[Part]:
    return _parts("at node") if random.random() < 0.1 else []


def _guard(random: Random) -> list[Part]:
    return [Part("if"), *expression(random)] if random.random() < 0.5 else []


def item(random: Random) -> Lines:
    name = _name(random)
    match random.randint(0, 15):
        case 0:
            return Lines(_parts(f"protocol {name}"))
        case 1:
            return Lines([Part('"a text, with # and (brackets"')])
        case 2:
            return Lines(_parts(random.choice(("type t = a | b", "timed", "process node", "process node ordered"))))
        case 3:
            head = _parts("process node :" if random.random() < 0.5 else "process ring ordered :")
            return Lines(head, block=[Lines(_member(random)) for _ in range(random.randint(1, 4))])
        case 4 | 5:
            ends = _parts(random.choice(("", "from node", "to node", "from a to b")))
            return Lines([Part("message"), Part(name), *_parameters(random), *ends])
        case 6:
            return _with_block(random, [*_parts("on start"), *_at(random), Part(":")], 2)
        case 7:
            head = [*_parts(f"on timeout {name}"), *_at(random), *_guard(random), Part(":")]
            return _with_block(random, head, 2)
        case 8:
            names = [Part("("), *_listed(random, lambda: [Part(_name(random))]), Part(")")]
            head = [*_parts(f"on {name}"), *names, *_parts("from sender"), *_guard(random), Part(":")]
            return _with_block(random, head, 3)
        case 9:
            words = [Part("action"), Part(name)] if random.random() < 0.5 else [Part("input"), Part(name)]
            given = _parameters(random) if words[0].text == "input" else []
            return _with_block(random, [*words, *given, *_at(random), *_guard(random), Part(":")], 2)
        case 10:
            return _with_block(random, [*_parts(f"procedure {name}"), *_parameters(random), *_at(random), Part(":")], 2)
        case 11:
            head = [*_parts(f"define {name}"), *_parameters(random), *_at(random), Part(":")]
            return Lines(head, body=expression(random))
        case 12:
            made = [Part("leader"), *_at(random), Part("if"), *expression(random), Part("with", True, True)]
            made += [Part("token", open=True), *expression(random, 1)]
            if random.random() < 0.5:
                made += [Part(",", True, True), Part("elected"), Part("by", open=True), *expression(random, 1)]
            if random.random() < 0.5:
                made += [Part(",", True, True), *_parts("confirmed by ack from a quorum within election")]
            return Lines(made)
        case 13:
            keyword = random.choice(("safety", "invariant", "step", "reachable", "recovers"))
            text = [Part(random.choice(('""', '"says # why"')))] if random.random() < 0.3 else []
            return Lines([Part(keyword), Part(name), *text, *_at(random), Part(":")], body=expression(random))
        case 14:
            then = [Part("~>", open=True), *expression(random)]
            return Lines(_parts(f"leads_to {name} :"), body=[*expression(random), *then])
        case _:
            return _world(random)


def _member(random: Random) -> list[Part]:
    if random.random() < 0.3:
        return _parts(random.choice(("timer election : 300 ms .. 500 ms", "timer heartbeat : 1 s")))
    durable = [Part("durable")] if random.random() < 0.3 else []
    return [*durable, Part(_name(random)), Part(":"), *_type(random), Part("=", open=True), *expression(random, 1)]


def _world(random: Random) -> Lines:
    rows = ("3 nodes , term <= 2", "3 , 4 , 5 nodes", "node . term <= 3 , 3 , 4", "channel <= 1")
    match random.randint(0, 3):
        case 0:
            return Lines(_parts("network : loss , duplication"))
        case 1:
            return Lines(_parts(random.choice(("faults : none", "faults : restart , disk loss up to 1"))))
        case 2:
            return Lines([*_parts("check quick :"), *_parts(random.choice(rows))])
    return Lines(
        _parts("check full :"), block=[Lines(_parts(random.choice(rows))) for _ in range(random.randint(1, 3))]
    )


# Layout --------------------------------------------------------------------------------------------------------------


COMMENTS = (
    "# why",
    "#",
    "#!why  not",
    '# "quoted" (and',
    "# a comment that is rather long, longer than most lines are",
)


def _written(random: Random, parts: Sequence[Part], indent: int) -> str:
    """A line's tokens, with a new line here and there where one may stand."""
    text, depth = "", 0
    for index, part in enumerate(parts):
        previous = parts[index - 1] if index else None
        if previous is not None:
            may_break = depth > 0 or previous.open or part.late
            if may_break and random.random() < 0.06:
                text += _line_end(random)
                while random.random() < 0.2:
                    text += " " * random.randint(0, 9) + random.choice((*COMMENTS, "", "")) + "\n"
                text += " " * random.randint(1, indent + 9)
            else:
                words = (previous.text[-1].isalnum() or previous.text[-1] == "_") and part.text[0].isalnum()
                text += " " * random.choice((1, 1, 1, 2, 5) if words else (0, 1, 1))
        text += part.text
        depth += (part.text in ("(", "[", "{")) - (part.text in (")", "]", "}"))
    return text


def _line_end(random: Random) -> str:
    blanks = " " * random.choice((0, 0, 1, 4))
    return (
        blanks + (random.choice(COMMENTS) if random.random() < 0.2 else "") + random.choice(("\n", "\n", "\n", "\r\n"))
    )


def _laid_out(random: Random, made: Lines, indent: int) -> Iterator[str]:
    while random.random() < 0.2:
        yield random.choice(("\n", "\n", " " * random.randint(0, indent + 4) + random.choice(COMMENTS) + "\n"))
    yield " " * indent + _written(random, made.line, indent)
    if made.body:
        yield " " * random.choice((0, 1, 3)) + _written(random, made.body, indent)
    yield _line_end(random)
    deeper = indent + random.choice((1, 2, 4, 4, 4, 8))
    for line in made.block:
        yield from _laid_out(random, line, deeper)


def _body_below(random: Random, made: Lines) -> Lines:
    """The body as a block of one line, or where it is."""
    return Lines(made.line, [Lines(list(made.body))]) if made.body and random.random() < 0.5 else made


def text(random: Random, items: int) -> str:
    made = "".join(part for _ in range(items) for part in _laid_out(random, _whole(random, item(random)), 0))
    while random.random() < 0.2:
        made += " " * random.randint(0, 6) + random.choice(COMMENTS) + "\n"
    return made if random.random() < 0.9 else made.rstrip("\n")


def _whole(random: Random, made: Lines) -> Lines:
    made = _body_below(random, made)
    return Lines(made.line, [_whole(random, line) for line in made.block], made.body)


def grammatical_texts(most: int = 4) -> st.SearchStrategy[str]:
    """Texts of up to so many items."""
    return st.builds(text, st.randoms(use_true_random=False), st.integers(1, most))
