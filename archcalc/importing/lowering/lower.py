"""A program becomes steps."""

from collections.abc import Mapping, Sequence

from archcalc.core.diagnostic import Diagnostic
from archcalc.importing.lowering import rules  # noqa: F401  every file in it registers itself
from archcalc.importing.lowering.batches import with_whole_batches
from archcalc.importing.lowering.expansions import without_expansions
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.numbers import is_whole
from archcalc.importing.lowering.opaque import place_opaque
from archcalc.importing.lowering.recognising import Recogniser
from archcalc.importing.lowering.sharing import lowered_with_shared
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import DERIVED, ONE, WEIGHT, Operation, Program, Value
from archcalc.record import field, record


@record
class Lowered:
    """`inputs` and `steps` in order, `outputs` among them. `findings`: what is not exact, each with its place.

    `unread`: weights that no step has, although an operation reads them. `makers`: the number of the operation that
    makes what a step makes, and which one of its values that is. `given`: what modules are called with, by their paths
    and the names that their code has for it. `slow`: of values whose batch is in one axis with others, how many
    elements of that run slower than the batch.
    """

    inputs: tuple[Step, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Step, ...]
    findings: Sequence[Diagnostic]
    unread: tuple[str, ...]
    makers: Mapping[Step, tuple[int, int]]
    given: Mapping[str, Mapping[Step, str]] = field(default_factory=dict)
    slow: Mapping[Value, int] = field(default_factory=dict)


def lowered(program: Program) -> Lowered:
    """The steps of a program. Raises SpecError if the samples of a batch meet."""
    program = without_expansions(with_whole_batches(program))
    state = Lowering(program)
    needed = needed_operations(program)
    recogniser = Recogniser(state)
    for i, operation in enumerate(program.operations):
        if operation in state.taken or recogniser.recognised(i):
            continue
        if operation not in needed and decides(program, operation):
            continue
        if operation.is_empty:
            continue
        if not any(each.varies for each in operation.makes):
            continue
        if not any(state.is_placed(each) for each in operation.values):
            continue  # a constant of a shape
        if not lowered_with_shared(state, operation) and not recogniser.alone(i):
            place_opaque(state, operation)
    for step in [state.at[each] for each in program.outputs if each in state.at]:
        if step in state.waiting:
            state.waiting.discard(step)
            state.append(step)
    outputs = [state.at[each] for each in program.outputs if each in state.at]
    if not state.steps and state.accepts(layer("identity"), [each.volume for each in outputs[:1]]):
        outputs[0] = Step(layer("identity"), (outputs[0],), outputs[0].volume)
        state.append(outputs[0])
    idle = set(program.idle)
    learned = (name for name, each in program.stored.items() if not each.buffer)
    return Lowered(
        inputs=tuple(state.at[each] for each in program.inputs),
        steps=tuple(state.steps),
        outputs=tuple(dict.fromkeys(outputs)),
        findings=tuple(state.findings),
        unread=tuple(name for name in learned if name not in state.claimed and name not in idle),
        makers=makers(state),
        given=given(state),
        slow=state.slow,
    )


def makers(state: Lowering) -> dict[Step, tuple[int, int]]:
    """Which operation makes what a step makes; of several that hand it on, the first."""
    places = {value: (i, k) for i, each in enumerate(state.program.operations) for k, value in enumerate(each.makes)}
    found: dict[Step, tuple[int, int]] = {}
    for step, values in state.seen_as.items():
        known = [places[each] for each in values if each in places]
        if known:
            found[step] = min(known)
    return found


def given(state: Lowering) -> dict[str, dict[Step, str]]:
    """What each module is called with, by its path: of one that runs several times, in the first call."""
    found: dict[str, dict[Step, str]] = {}
    for call in state.program.calls:
        if call.path not in found:
            names = found[call.path] = {}
            for name, value in call.named.items():
                value = state.program.whole.get(value, value)
                if value in state.at:
                    names.setdefault(state.at[value], name)
    return found


def needed_operations(program: Program) -> set[Operation]:
    """The operations that an output is computed from, and those before others that count."""
    found: set[Operation] = set()
    before(program.outputs, found)
    for each in program.operations:
        if each not in found and not decides(program, each):
            before(each.values, found)
    return found


def before(values: Sequence[Value], found: set[Operation]) -> None:
    """Adds the operations that these values are computed from."""
    waiting = list(values)
    while waiting:
        maker = waiting.pop().maker
        if maker is not None and maker not in found:
            found.add(maker)
            waiting += maker.values


def decides(program: Program, operation: Operation) -> bool:
    """Whether code made a decision with what no output needs: conditions and whole numbers, all of a run with values,
    and what only moves elements. It reads no weight and multiplies nothing, so that no total changes without it."""
    counts = any(each.kind in (WEIGHT, DERIVED) for each in operation.values) or program.macs(operation)
    computes = operation.function.strip("_") in COMPUTES and program.batch != ONE
    return not counts and not (computes and not any(map(is_whole, operation.makes)))


COMPUTES = frozenset(("add", "iadd", "sub", "isub", "mul", "imul", "div", "truediv", "itruediv"))
"""Functions that compute numbers, which nothing has to read: the last one of the sums that several layers add to."""
