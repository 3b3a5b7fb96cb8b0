"""The lines of a `forward`: which variable holds which value, and for how long."""

from collections.abc import Mapping

from archcalc.codegen.classes import Form, Step
from archcalc.codegen.names import Distinct, variable
from archcalc.codegen.tree import passed
from archcalc.core.volume import Volume
from archcalc.record import record

UNNAMED = "input"
"""What a spec calls an input that it gives no name."""

MAIN, PASSING = "x", "y"
"""What comes in, in the words of a spec; and what is passed on from line to line, while that is kept for later."""


@record
class Line:
    """One statement. `nodes` are the layers whose values it makes, `names` the variables that hold them; none if
    returned.

    `comment`: information for readers, omitted if there is no room.
    """

    text: str
    nodes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    comment: str = ""


@record
class Forward:
    """The body of a `forward`. `modules`: those of its inputs that are modules, which come last."""

    inputs: tuple[str, ...]
    modules: int
    outputs: int
    lines: tuple[Line, ...]


@record
class Uses:
    """When the values of a form are read. `last`: by which step, one past the end for what the block hands on;
    `passed_on`: what the step after the one that makes it reads, and no other."""

    last: Mapping[str, int]
    passed_on: frozenset[str]


def forward(form: Form, volumes: Mapping[str, Volume]) -> Forward:
    """A variable for every value, and a line for every step, with the volume it makes where `volumes` knows that."""
    uses = uses_of(form)
    held = variables(form, uses)
    given = frozenset(form.inputs)
    lines: list[Line] = []
    for i, step in enumerate(form.steps):
        lines.append(statement(step, held, volumes, returned(form, i)))
        if done := finished(form, i, held, uses, given):
            lines.append(Line(f"del {', '.join(done)}"))
    if not form.steps or not returned(form, len(form.steps) - 1):
        lines.append(Line(f"return {', '.join(held[name] for name in form.block.outputs)}"))
    inputs = tuple(held[name] for name in form.inputs)
    return Forward(inputs, len(form.passed), len(form.block.outputs), tuple(lines))


def returned(form: Form, i: int) -> bool:
    """Whether a step makes just what the block hands on, and is its last."""
    return i == len(form.steps) - 1 and form.steps[i].makes == form.block.outputs


def finished(form: Form, i: int, held: Mapping[str, str], uses: Uses, given: frozenset[str]) -> list[str]:
    """The variables whose values nothing reads after a step: their memory is free for what follows.

    What the step assigns is free already, and what came in is its caller's. After the last step all of them are free.
    """
    if i == len(form.steps) - 1:
        return []
    step = form.steps[i]
    assigned = {held[name] for name in step.makes}
    read = [name for name in dict.fromkeys(step.reads) if name not in given]
    done = [held[name] for name in read if uses.last[name] == i and held[name] not in assigned]
    return [*done, *(held[name] for name in step.makes if name not in uses.last)]


def statement(step: Step, held: Mapping[str, str], volumes: Mapping[str, Volume], is_last: bool) -> Line:
    expression = step.expression.format(*(held[name] for name in step.reads))
    nodes = step.makes if step.is_node else ()
    made = ", ".join(str(volumes[name]) for name in step.makes if name in volumes)
    if is_last:
        return Line(f"return {expression}", nodes, (), made)
    targets = tuple(held[name] for name in step.makes)
    return Line(f"{', '.join(targets)} = {expression}", nodes, targets if nodes else (), made)


# --- variables -----------------------------------------------------------------------------------------------------


def variables(form: Form, uses: Uses) -> dict[str, str]:
    """The variable of every value: what only the next line reads is passed on, the rest have names of their own."""
    names = Distinct()
    held = {name: names.claim(called) for name, called in zip(form.inputs, input_names(form), strict=True)}
    for step in form.steps:
        for name, called in zip(step.makes, (step.name, *step.makes[1:]), strict=True):
            if name not in uses.passed_on:
                unused = "" if name in uses.last else "_"
                held[name] = names.claim(unused + variable(called))
    passing = passing_name(form, uses, held)
    return {**dict.fromkeys(uses.passed_on, passing), **held}


def passing_name(form: Form, uses: Uses, held: Mapping[str, str]) -> str:
    """The variable that is passed on: that of what comes in, where nothing reads that later."""
    first = form.inputs[0] if form.inputs else ""
    if held.get(first) == MAIN and uses.last.get(first, 0) == 0:
        return MAIN
    taken = set(held.values())
    return next((name for name in (MAIN, PASSING) if name not in taken), "") or Distinct(taken).claim(PASSING)


def input_names(form: Form) -> list[str]:
    """What a block calls that which it takes: its parameters as in the spec, and `x` what comes in."""
    block = form.block
    if not block.prefix:
        return [MAIN if (name,) == block.inputs == (UNNAMED,) else variable(name) for name in block.inputs]
    called = {block.source: MAIN}
    for parameter, value in passed(block.arguments):
        called.setdefault(str(value), variable(parameter))
    modules = modules_by_argument(form)
    return [called.get(name) or variable(modules.get(name, name).removesuffix("()")) for name in form.inputs]


def modules_by_argument(form: Form) -> dict[str, str]:
    """The parameters that pass modules, by what they pass."""
    given = {value: parameter for parameter, value in passed(form.block.arguments)}
    return {f"{getattr(value, 'labelled', '')}()": parameter for value, parameter in given.items()}


def uses_of(form: Form) -> Uses:
    reads: dict[str, list[int]] = {}
    for i, step in enumerate(form.steps):
        for name in dict.fromkeys(step.reads):
            reads.setdefault(name, []).append(i)
    for name in form.block.outputs:
        reads.setdefault(name, []).append(len(form.steps))
    made = ((i, step.makes[0]) for i, step in enumerate(form.steps) if len(step.makes) == 1)
    return Uses(
        {name: places[-1] for name, places in reads.items()},
        frozenset(name for i, name in made if reads.get(name) == [i + 1]),
    )


def annotated(method: str, run: Forward) -> str:
    """The signature of `forward`, or of what it runs."""
    values = len(run.inputs) - run.modules
    kinds = ["Tensor"] * values + ["nn.Module"] * run.modules
    given = "".join(f", {name}: {kind}" for name, kind in zip(run.inputs, kinds, strict=True))
    result = "Tensor" if run.outputs == 1 else f"tuple[{', '.join(['Tensor'] * run.outputs)}]"
    return f"def {method}(self{given}) -> {result}:"
