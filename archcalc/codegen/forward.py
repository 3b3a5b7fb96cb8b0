"""The lines of a `forward`: which variable holds which value, and for how long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archcalc.codegen.classes import Form, Step
from archcalc.codegen.names import all_unlike, variable
from archcalc.core.volume import Volume

MAIN, PASSING = "x", "y"
"""The first input; and what is passed on from line to line, while that input is kept for later."""


@dataclass(frozen=True)
class Line:
    """One statement. `node` is the layer whose value it makes, `name` the variable that holds it; "" if returned.

    `comment`: what a reader would like to know, left out where there is no room.
    """

    text: str
    node: str = ""
    name: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Forward:
    """The body of a `forward`."""

    inputs: tuple[str, ...]
    outputs: int
    lines: tuple[Line, ...]


def forward(form: Form, volumes: Mapping[str, Volume]) -> Forward:
    """A variable for every value, and a line for every step, with the volume it makes where `volumes` knows that."""
    held = variables(form)
    lines: list[Line] = []
    for i, step in enumerate(form.steps):
        lines.append(statement(step, held, volumes, returned(form, i)))
        if done := finished(form, i, held):
            lines.append(Line(f"del {', '.join(done)}"))
    if not form.steps or not returned(form, len(form.steps) - 1):
        lines.append(Line(f"return {', '.join(held[name] for name in form.block.outputs)}"))
    return Forward(tuple(held[name] for name in form.block.inputs), len(form.block.outputs), tuple(lines))


def returned(form: Form, i: int) -> bool:
    """Whether a step makes just what the block hands on, and is its last."""
    return i == len(form.steps) - 1 and form.steps[i].makes == form.block.outputs


def finished(form: Form, i: int, held: Mapping[str, str]) -> list[str]:
    """The variables whose values nothing reads after a step: their memory is free for what follows.

    What the step assigns is free already, and what came in is its caller's. Before a `return` there is no need.
    """
    if returned(form, i) or (i == len(form.steps) - 1 and not form.block.outputs):
        return []
    step, uses = form.steps[i], last_uses(form)
    assigned = {held[name] for name in step.makes}
    read = [name for name in dict.fromkeys(step.reads) if name not in form.block.inputs]
    done = [held[name] for name in read if uses[name][-1] == i and held[name] not in assigned]
    return [*done, *(held[name] for name in step.makes if name not in uses)]


def statement(step: Step, held: Mapping[str, str], volumes: Mapping[str, Volume], is_last: bool) -> Line:
    expression = step.expression.format(*(held[name] for name in step.reads))
    node = step.makes[0] if step.is_node else ""
    made = ", ".join(str(volumes[name]) for name in step.makes if name in volumes)
    if is_last:
        return Line(f"return {expression}", node, "", made)
    targets = [held[name] for name in step.makes]
    return Line(f"{', '.join(targets)} = {expression}", node, targets[0] if node else "", made)


def variables(form: Form) -> dict[str, str]:
    """The variable of every value: what only the next line reads is passed on, the rest have names of their own."""
    uses = last_uses(form)
    block = form.block
    inputs = [MAIN, *(variable(name) for name in block.inputs[1:])]
    held = dict(zip(block.inputs, all_unlike(inputs, (PASSING,)), strict=False))
    kept = bool(block.inputs) and any(at > 0 for at in uses.get(block.inputs[0], ()))
    passing = PASSING if kept else MAIN
    taken = {MAIN, PASSING, *held.values()}
    for i, step in enumerate(form.steps):
        for name, called in zip(step.makes, (step.name, *step.makes[1:]), strict=True):
            if len(step.makes) == 1 and uses.get(name) == [i + 1]:
                held[name] = passing
            else:
                unused = "_" if name not in uses else ""
                [held[name]] = all_unlike([unused + variable(called)], taken)
                taken.add(held[name])
    return held


def last_uses(form: Form) -> dict[str, list[int]]:
    """For every value the steps that read it, each once; what the block hands on is read by one step more."""
    uses: dict[str, list[int]] = {}
    for i, step in enumerate(form.steps):
        for name in dict.fromkeys(step.reads):
            uses.setdefault(name, []).append(i)
    for name in form.block.outputs:
        uses.setdefault(name, []).append(len(form.steps))
    return uses


def annotated(method: str, inputs: Sequence[str], outputs: int) -> str:
    """The signature of `forward`, or of what it runs."""
    given = ", ".join(f"{name}: Tensor" for name in inputs)
    result = "Tensor" if outputs == 1 else f"tuple[{', '.join(['Tensor'] * outputs)}]"
    return f"def {method}(self, {given}) -> {result}:"
