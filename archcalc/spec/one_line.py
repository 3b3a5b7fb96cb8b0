"""One-line networks: `input(3,32,32) -> conv(5,32,p2) -> relu -> fc(100)`, for the shell, teaching and tests."""

import re
from collections.abc import Iterator

from archcalc.core.diagnostic import Problems, did_you_mean, problem, quoted
from archcalc.core.location import Location, Source
from archcalc.spec.chain import Body, Invocation, Item, Step, parse_chain, settled
from archcalc.spec.declaration import InputDecl, checked_dimension
from archcalc.spec.expression import Name, Word
from archcalc.spec.section import INPUT_KEYS

ONE_LINE = "write input(3, 32, 32) -> conv(5, 32, p2) -> relu -> fc(10)"
BREAK = r"[()\[\];]|\r?\n"
ATTRIBUTES = INPUT_KEYS[1:]


def network(source: Source, problems: Problems) -> tuple[tuple[InputDecl, ...], Body]:
    """The inputs and layers of a text; `problems` collects their problems."""
    inputs: list[InputDecl] = []
    layers: list[Item] = []
    for text, where in statements(source):
        declared, items = problems.attempt(statement, text, where, first=not inputs) or (None, ())
        layers += items
        if declared:
            inputs.append(declared)
    if not inputs and not problems.found:
        raise problem("AC023", "the network is empty", Location(source), help=ONE_LINE)
    if not layers and not problems.found:
        raise problem("AC023", "the network has no layers", inputs[-1].where, help=ONE_LINE)
    return tuple(inputs), tuple(layers)


def statement(text: str, where: Location, first: bool) -> tuple[InputDecl | None, Body]:
    """The input at the beginning of a statement, if any, and its layers."""
    body = parse_chain(text, where)
    step = body[0]
    if not isinstance(step, Step) or not is_input(step):
        if first:
            raise problem("AC023", "a network must begin with its input", step.where, help=ONE_LINE)
        return None, body
    assert isinstance(step.call, Invocation)
    if step.others:
        raise problem("AC023", "an input is one value, and has one name", step.others[0].where, help=ONE_LINE)
    if first:
        return input_of(step.name or step.call.target, step, step.call), body[1:]
    if step.name is None:
        raise problem("AC023", "a second input needs a name", step.where, help="write b = input(...)")
    reference = Invocation(step.name, (), (), False, step.name.where)
    begun = Step(None, reference, None, (), True, step.where)
    return input_of(step.name, step, step.call), (begun, *body[1:])


def is_input(step: Step) -> bool:
    return isinstance(step.call, Invocation) and step.call.target.text == "input" and step.call.parens


def input_of(name: Word, step: Step, call: Invocation) -> InputDecl:
    """The declaration of `input(16, dtype=int64, vocab=100)`."""
    call = settled(call, ())
    given = {word.text: value for word, value in call.keywords}
    for word, _ in call.keywords:
        if word.text not in ATTRIBUTES:
            help = did_you_mean(word.text, ATTRIBUTES) or f"input takes dimensions and {', '.join(ATTRIBUTES)}"
            raise problem("AC019", f"unknown argument {quoted(word.text)} of input", word.where, help=help)
    if not call.positional or step.repeat:
        raise problem("AC023", "an input needs dimensions and cannot be repeated", step.where, help=ONE_LINE)
    dtype, last, plain = (given.get(key) for key in ("dtype", "channels_last", "plain"))
    if dtype and not isinstance(dtype, Name):
        raise problem("AC016", "a dtype must be a word", dtype.where, help="write dtype=int64")
    return InputDecl(
        name.text,
        tuple(map(checked_dimension, call.positional)),
        dtype.id if isinstance(dtype, Name) else "float32",
        given.get("vocab"),
        isinstance(last, Name) and last.id == "true",
        step.where,
        isinstance(plain, Name) and plain.id == "true",
    )


def statements(source: Source) -> Iterator[tuple[str, Location]]:
    """The statements of a one-line network. A line that ends or begins with an arrow continues its statement."""
    start = 0
    depth = 0
    text = source.text
    for match in re.finditer(BREAK, f"{text};"):
        sign = match.group().strip() or "\n"
        depth = max(0, depth + (sign in "([") - (sign in ")]"))
        if sign in "()[]" or (sign == "\n" and (depth or goes_on(text, match.start(), match.end()))):
            continue
        if text[start : match.start()].strip():
            yield text[start : match.start()], place_of(source, start)
        start, depth = match.end(), 0


def goes_on(text: str, start: int, end: int) -> bool:
    """Whether a statement continues after the line break between `start` and `end`."""
    return text[:start].rstrip().endswith(("->", "=", "*", ",")) or text[end:].lstrip().startswith("->")


def place_of(source: Source, offset: int) -> Location:
    line = source.text.count("\n", 0, offset)
    return Location(source, line, offset - (source.text.rfind("\n", 0, offset) + 1))
