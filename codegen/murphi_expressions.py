"""Expressions as Murphi text. What a value is there, `murphi_values` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from codegen.inline import free_locals, inlined, is_scalar, kind_of, walk
from codegen.instance import Names
from codegen.murphi_looks import led, underway
from codegen.murphi_names import Tables, constant, process_constants, stored_type
from codegen.murphi_text import (
    ATOM,
    FALSE,
    OTHER,
    SUM,
    TRUE,
    Code,
    all_of,
    any_of,
    compare,
    either,
    implies,
    negated,
    operand,
)
from codegen.murphi_values import MapCode, OptionCode, SetCode, ValueCode, at_place, chosen, one_of
from spec.protocol import (
    Apply,
    Arithmetic,
    Armed,
    Compare,
    Comparison,
    Conditional,
    Connected,
    Connective,
    Constant,
    Definition,
    Entry,
    Everyone,
    Expression,
    Filtered,
    Led,
    Local,
    Member,
    Neighbour,
    Next,
    Not,
    OneOf,
    Operator,
    Quantified,
    Quantifier,
    Read,
    Self,
    SetOf,
    SetOperation,
    SetOperator,
    Size,
    Subset,
    Underway,
    Up,
)
from spec.types import MapType, SetType, Type, is_number


@dataclass(frozen=True)
class Scope:
    """Where an expression stands: the process that `self` is, the locals, names still free, and whether variables
    are read in the state before the step (`before`: the names of the copies, by kind)."""

    made: Tables
    me: Code | None
    locals: Mapping[int, ValueCode]
    names: Names
    before: Mapping[str, str] | None = None


# Values --------------------------------------------------------------------------------------------------------------


def code(expression: Expression, scope: Scope) -> Code:
    """The text of a scalar; of an option that must hold something, the text of what it holds."""
    found = value(expression, scope)
    if isinstance(found, OptionCode):
        return found.value
    assert isinstance(found, Code), expression
    return found


def members(expression: Expression, scope: Scope) -> SetCode:
    found = value(expression, scope)
    assert isinstance(found, SetCode), expression
    return found


def value(expression: Expression, scope: Scope) -> ValueCode:
    """What an expression means; see the top of this module."""
    made = scope.made
    match expression:
        case Constant():
            if expression.value is None:
                return OptionCode(FALSE, FALSE)
            if isinstance(expression.value, frozenset):
                return SetCode(lambda element: FALSE)
            negative = is_number(expression.type) and expression.value < 0
            return Code(constant(expression.value, made), SUM if negative else ATOM)
        case Local():
            return scope.locals[expression.identity]
        case Self():
            assert scope.me is not None
            return scope.me
        case Read():
            return _read(expression, scope)
        case Entry():
            mapped = value(expression.map, scope)
            assert isinstance(mapped, MapCode)
            return mapped.entry(code(expression.key, scope))
        case Not():
            return negated(code(expression.operand, scope))
        case Connected():
            left, right = code(expression.left, scope), code(expression.right, scope)
            match expression.connective:
                case Connective.AND:
                    return all_of((left, right))
                case Connective.OR:
                    return any_of((left, right))
                case Connective.IMPLIES:
                    return implies(left, right)
        case Compare():
            return _compared(expression, scope)
        case Arithmetic():
            return _arithmetic(expression.operator, code(expression.left, scope), code(expression.right, scope))
        case OneOf():
            one = value(expression.value, scope)
            parts = [equal(one, value(a, scope), a.type, scope) for a in expression.alternatives]
            return any_of(parts)
        case Member():
            element, contains = value(expression.element, scope), members(expression.set, scope).contains
            if isinstance(element, OptionCode):
                return FALSE if element.some == FALSE else all_of((element.some, contains(element.value)))
            assert isinstance(element, Code)
            return contains(element)
        case Subset():
            left_set, right_set = members(expression.left, scope), members(expression.right, scope)
            name, variable = _variable(kind_of(expression.left.type), scope)
            inside = implies(left_set.contains(variable), right_set.contains(variable))
            return _for_all(name, kind_of(expression.left.type), inside, scope)
        case SetOf():
            elements = [code(element, scope) for element in expression.elements]
            return SetCode(lambda x: any_of(compare("=", x, element) for element in elements))
        case Everyone():
            return SetCode(lambda element: TRUE)
        case Filtered():
            domain, condition = members(expression.domain, scope), expression.condition
            identity = expression.variable.identity
            return SetCode(lambda x: all_of((domain.contains(x), code(condition, bind(scope, identity, x)))))
        case SetOperation():
            one_set, other_set = members(expression.left, scope), members(expression.right, scope)
            match expression.operator:
                case SetOperator.UNION:
                    return SetCode(lambda x: any_of((one_set.contains(x), other_set.contains(x))))
                case SetOperator.DIFFERENCE:
                    return SetCode(lambda x: all_of((one_set.contains(x), negated(other_set.contains(x)))))
                case SetOperator.INTERSECTION:
                    return SetCode(lambda x: all_of((one_set.contains(x), other_set.contains(x))))
        case Size():
            return size(expression, scope)
        case Quantified():
            domain, kind = members(expression.domain, scope), kind_of(expression.domain.type)
            name, variable = _variable(kind, scope, expression.variable.name)
            body = code(expression.body, bind(scope, expression.variable.identity, variable))
            if expression.quantifier is Quantifier.EXISTS:
                return _exists(name, kind, all_of((domain.contains(variable), body)), scope)
            return _for_all(name, kind, implies(domain.contains(variable), body), scope)
        case Underway():
            return underway(expression, lambda found: code(expression.body, also(scope, found)), made, scope.names)
        case Led():
            return led(expression, lambda found: code(expression.body, also(scope, found)), made, scope.names)
        case Conditional():
            chooser = code(expression.condition, scope)
            return chosen(chooser, value(expression.yes, scope), value(expression.no, scope))
        case Neighbour():
            count = made.instance.size(expression.type.kind)
            other = expression.offset % count
            return Code(f"(({code(expression.process, scope).tight()} + {other}) % {count})")
        case Apply():
            return _applied(expression, scope)
        case Armed():
            called = made.kinds[kind_of(expression.process.type)]
            return Code(f"{_states(expression.process, scope)}.{called.armed[expression.timer]}")
        case Up():
            up = made.kinds[kind_of(expression.process.type)].up
            return TRUE if up is None else Code(f"{_states(expression.process, scope)}.{up}")
        case Next():
            return value(expression.operand, replace(scope, before=None))
    raise TypeError(f"no expression: {expression}")


def bind(scope: Scope, identity: int, bound: ValueCode) -> Scope:
    return also(scope, {identity: bound})


def also(scope: Scope, bound: Mapping[int, ValueCode]) -> Scope:
    """The scope with more locals in it."""
    return replace(scope, locals={**scope.locals, **bound})


def _states(process: Expression, scope: Scope) -> str:
    kind = kind_of(process.type)
    states = scope.made.kinds[kind].states if scope.before is None else scope.before[kind]
    return f"{states}[{code(process, scope).text}]"


def _read(expression: Read, scope: Scope) -> ValueCode:
    kind = kind_of(expression.process.type)
    field = scope.made.kinds[kind].fields[expression.variable]
    return at_place(f"{_states(expression.process, scope)}.{field}", expression.type)


def _compared(expression: Compare, scope: Scope) -> Code:
    left, right = value(expression.left, scope), value(expression.right, scope)
    match expression.comparison:
        case Comparison.EQUAL:
            return equal(left, right, _wider(expression), scope)
        case Comparison.DIFFERENT:
            if isinstance(left, Code) and isinstance(right, Code):
                return compare("!=", left, right)
            return negated(equal(left, right, _wider(expression), scope))
        case _:
            smaller, larger = code(expression.left, scope), code(expression.right, scope)
            return compare(expression.comparison.value, smaller, larger)


def _wider(expression: Compare) -> Type:
    """The type that says how two values are compared: a set's or a map's says over what to go."""
    return expression.left.type


def equal(left: ValueCode, right: ValueCode, of: Type, scope: Scope) -> Code:
    """Whether two values of comparable types are equal."""
    match left, right:
        case Code(), Code():
            return compare("=", left, right)
        case OptionCode(), Code():
            return all_of((left.some, compare("=", left.value, right)))
        case Code(), OptionCode():
            return all_of((right.some, compare("=", left, right.value)))
        case OptionCode(), OptionCode():
            if right.some == FALSE:
                return negated(left.some)
            if left.some == FALSE:
                return negated(right.some)
            same = all_of((left.some, right.some, compare("=", left.value, right.value)))
            return any_of((all_of((negated(left.some), negated(right.some))), same))
        case SetCode(), SetCode():
            name, variable = _variable(kind_of(of), scope)
            both = compare("=", left.contains(variable), right.contains(variable))
            return _for_all(name, kind_of(of), both, scope)
        case MapCode(), MapCode():
            assert isinstance(of, MapType)
            name, variable = _variable(of.key.kind, scope)
            return _for_all(
                name, of.key.kind, equal(left.entry(variable), right.entry(variable), of.value, scope), scope
            )
    raise TypeError(f"not comparable: {left} and {right}")


def _arithmetic(operator: Operator, left: Code, right: Code) -> Code:
    match operator:
        case Operator.MINIMUM:
            return either(compare("<", left, right), left, right)
        case Operator.MAXIMUM:
            return either(compare(">", left, right), left, right)
        case Operator.TIMES:
            return Code(f"{left.tight()} * {right.tight()}", SUM)
        case _:
            return Code(f"{operand(left)} {operator.value} {right.tight()}", SUM)


def _variable(kind: str, scope: Scope, wanted: str = "") -> tuple[str, Code]:
    name = scope.names.new(wanted or kind[:1])
    return name, Code(name)


def _for_all(name: str, kind: str, body: Code, scope: Scope) -> Code:
    if body in (TRUE, FALSE):
        return body
    return Code(f"forall {name}: {scope.made.kinds[kind].type} do {body.text} end", OTHER)


def _exists(name: str, kind: str, body: Code, scope: Scope) -> Code:
    if body in (TRUE, FALSE):
        return body
    return Code(f"exists {name}: {scope.made.kinds[kind].type} do {body.text} end", OTHER)


# Functions -----------------------------------------------------------------------------------------------------------


def size(expression: Size, scope: Scope) -> Code:
    """A count needs a loop, so it becomes a function; one for each set expression, and one for stored sets."""
    made = scope.made
    kind = kind_of(expression.set.type)
    found = members(expression.set, scope)
    if isinstance(expression.set, Everyone):
        return Code(str(made.instance.size(kind)))
    if found.place is not None:
        set_type = stored_type(expression.set.type, None, made)
        if ("size", kind) not in made.functions:
            name = made.names.new(f"size_of_{set_type}")
            text = _counting(name, [f"members: {set_type}"], kind, "members[member]", made)
            made.functions["size", kind] = (name, text)
        return Code(f"{made.functions['size', kind][0]}({found.place})")
    written = inlined(expression.set, made.instance.protocol)
    parameters, arguments, inner = parameters_for(written, scope)
    key = ("count", written, tuple(parameters))
    if key not in made.functions:
        name = made.names.new("count")
        contains = members(written, inner).contains(Code("member"))
        made.functions[key] = (name, _counting(name, parameters, kind, contains.text, made))
    return Code(f"{made.functions[key][0]}({', '.join(arguments)})")


def _counting(name: str, parameters: list[str], kind: str, contains: str, made: Tables) -> str:
    member = made.kinds[kind].type
    return f"""function {name}({"; ".join(parameters)}): number;
var found: number;
begin
  found := 0;
  for member: {member} do
    if {contains} then
      found := found + 1;
    end;
  end;
  return found;
end;
"""


def parameters_for(written: Expression, scope: Scope) -> tuple[list[str], list[str], Scope]:
    """What a function that computes an expression needs: its parameters, the arguments at this place, and the scope
    inside it. A function reads the variables of the present state by itself; a copy of the one before it is given."""
    made = scope.made
    names = made.names.within()
    parameters: list[str] = []
    arguments: list[str] = []
    inner: dict[int, ValueCode] = {}

    def parameter(wanted: str, of: str, argument: str) -> str:
        name = names.new(wanted)
        parameters.append(f"{name}: {of}")
        arguments.append(argument)
        return name

    me = None
    own = next((part for part in walk(written) if isinstance(part, Self)), None)
    if own is not None:
        assert scope.me is not None
        parameters.append(f"self: {made.kinds[own.type.kind].type}")
        arguments.append(scope.me.text)
        me = Code("self")
    for local in free_locals(written):
        given = scope.locals[local.identity]
        of = stored_type(local.type, None, made)
        match given:
            case Code():
                inner[local.identity] = Code(parameter(local.name, of, given.text))
            case OptionCode() if given.place is None:
                some = parameter(f"{local.name}_given", "boolean", given.some.text)
                inner[local.identity] = OptionCode(Code(some), Code(parameter(local.name, of, given.value.text)))
            case SetCode() if given.place is None:
                processes = process_constants(kind_of(local.type), made)
                assert processes is not None, "sets that a message carries have a place, or their elements have names"
                contains = [(one, given.contains(Code(one)).text) for one in processes]
                inner[local.identity] = one_of(
                    [(one, Code(parameter(f"{local.name}_has_{one}", "boolean", inside))) for one, inside in contains]
                )
            case _:
                assert given.place is not None
                inner[local.identity] = at_place(parameter(local.name, of, given.place), local.type)
    before = None
    if scope.before is not None:
        before = {}
        for kind in {kind_of(p.process.type) for p in walk(written) if isinstance(p, Read | Armed | Up)}:
            called = made.kinds[kind]
            before[kind] = parameter(scope.before[kind], called.states_type, scope.before[kind])
    return parameters, arguments, Scope(made, me, inner, names, before)


def as_function(definition: Definition) -> bool:
    """Whether a definition can be a Murphi function: what goes in and comes out must be what those take."""
    return is_scalar(definition.body.type) and all(
        is_scalar(parameter.type) or isinstance(parameter.type, SetType) for parameter in definition.parameters
    )


def _applied(expression: Apply, scope: Scope) -> ValueCode:
    """A call of the definition's function; where that cannot be, the definition's body."""
    made = scope.made
    definition = made.instance.protocol.definition(expression.definition)
    arguments = [value(argument, scope) for argument in expression.arguments]
    places = [a.text if isinstance(a, Code) else getattr(a, "place", None) for a in arguments]
    given = [place for place in places if place is not None]
    reads = definition.kind is not None and scope.before is not None
    if not as_function(definition) or len(given) < len(places) or reads:
        return value(inlined(expression, made.instance.protocol), scope)
    process = [] if definition.kind is None or expression.process is None else [code(expression.process, scope).text]
    return Code(f"{function_of(definition, made)}({', '.join([*process, *given])})")


def function_of(definition: Definition, made: Tables) -> str:
    """The name of a definition's function, which is written when first asked for."""
    key = ("definition", definition.name)
    if key not in made.functions:
        name = made.names.new(definition.name)
        names = made.names.within()
        own = [] if definition.kind is None else [f"self: {made.kinds[definition.kind].type}"]
        known: dict[int, ValueCode] = {}
        parameters = []
        for parameter in definition.parameters:
            called = names.new(parameter.name)
            parameters.append(f"{called}: {stored_type(parameter.type, None, made)}")
            known[parameter.identity] = at_place(called, parameter.type)
        me = None if definition.kind is None else Code("self")
        body = code(definition.body, Scope(made, me, known, names))
        of = stored_type(definition.body.type, None, made)
        header = f"function {name}({'; '.join([*own, *parameters])}): {of};"
        made.functions[key] = (name, f"{header}\nbegin\n  return {body.text};\nend;\n")
    return made.functions[key][0]
