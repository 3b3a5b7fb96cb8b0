"""Where a measured peak and a predicted one part: by layer, kernel and tensor, so that a rule can be corrected from a
recording alone.

Both are sequences of allocations. Their sizes are aligned; then what is alive at one moment is compared, tensor by
tensor. The bytes of all parts, added to what is predicted at that moment, are what was measured there.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import accumulate

from archcalc.graph.graph import Graph
from archcalc.memory import engine
from archcalc.memory.engine import EARLIER, INITIAL
from archcalc.memory.footprint import run_of
from archcalc.memory.recompute import instead, stretches
from archcalc.memory.tape import hold_inputs_of_blocks, saved_storages
from archcalc.memory.taping import tape_of
from archcalc.memory.timeline import Timeline
from archcalc.memory.training_setup import TrainingSetup
from archcalc.record import record
from archcalc.verification.memory.stream import Event, Stream

NEAR = 8
"""How far apart in order two allocations of one size may be: kernels make their tensors in an order of their own."""


@record
class Planned:
    """A predicted storage, and the numbers of the steps from which and until which it is alive."""

    name: str
    nbytes: int
    born: int
    ended: int

    def lives(self, step: int) -> bool:
        return self.born <= step < self.ended


@record
class Plan:
    """The prediction of a run: its steps, and its storages in order, without those that the caller holds.

    `kinds`: the layers' names in specs, by node.
    """

    timeline: Timeline
    storages: tuple[Planned, ...]
    kinds: Mapping[str, str]

    def at(self, step: int) -> str:
        """`forward of conv1 (conv)`."""
        if not self.timeline.steps:
            return "a network without layers"
        found = self.timeline.steps[step]
        return f"{found.phase} of {found.node} ({self.kinds[found.node]})"

    def scratch(self, step: int) -> int:
        """What a step takes beside storages."""
        whole = (nbytes for _, nbytes, born, ended in self.timeline.tensors if born <= step < ended)
        return self.timeline.steps[step].live - sum(whole) if self.timeline.steps else 0


@record
class Part:
    """One part of a difference: bytes that are measured beyond the prediction, or below 0, and what they are."""

    nbytes: int
    text: str


def plan_of(graph: Graph, setup: TrainingSetup, *, training: bool, flat: bool = False) -> Plan:
    """The prediction of a training step, or of a forward pass without gradients; `flat`: of flat source."""
    tape = tape_of(graph, run_of(graph, setup, is_training=training))
    again = stretches(graph, tape, setup.checkpointed) if training else []
    if not flat:
        hold_inputs_of_blocks(graph, tape)
    given = [tape.names[storage] for storage in tape.given]
    if not training:
        return plan(graph, engine.inference(tape, 0), given)
    return plan(graph, engine.training(tape, 0, again=again, accumulate=setup.accumulate), given)


def plan(graph: Graph, timeline: Timeline, given: Collection[str]) -> Plan:
    made = (Planned(*each) for each in timeline.tensors if each[1] and each[0] not in given)
    own = (each for each in made if not each.name.startswith(INITIAL) and not each.name.endswith(EARLIER))
    return Plan(timeline, tuple(own), {node.name: node.layer.name for node in graph})


# --- alignment -------------------------------------------------------------------------------------------------------


@record
class Measured:
    """A tensor of a run: the number of its allocation among all events, and of its release, beyond the last if none."""

    event: Event
    born: int
    ended: int


@record(slots=False)
class Aligned:
    """A prediction and a run of it. `planned`: for each measured tensor its storage, both by number."""

    plan: Plan
    events: Sequence[Event]
    measured: Sequence[Measured]
    planned: Mapping[int, int]

    def step(self, at: int) -> int:
        """The predicted step at an event: that of the latest storage so far."""
        so_far = (self.planned[i] for i, each in enumerate(self.measured) if each.born <= at and i in self.planned)
        return max((self.plan.storages[i].born for i in so_far), default=0)

    def event(self, step: int) -> int:
        """The event of the last allocation up to a step; -1 if there is none."""
        storages = self.plan.storages
        return max((self.measured[i].born for i, j in self.planned.items() if storages[j].born <= step), default=-1)


def aligned(plan: Plan, stream: Stream) -> Aligned:
    """Pairs measured tensors with predicted storages of the same size, in order."""
    measured = list(tensors(stream.events))
    mine, other = [each.event.size for each in measured], [each.nbytes for each in plan.storages]
    blocks = SequenceMatcher(None, mine, other, autojunk=False).get_matching_blocks()
    pairs = {block.a + i: block.b + i for block in blocks for i in range(block.size)}
    left = [i for i in range(len(other)) if i not in {*pairs.values()}]
    shift = 0
    for i, size in enumerate(mine):
        shift = pairs[i] - i if i in pairs else shift
        if i not in pairs:
            near = [j for j in left if other[j] == size and abs(j - i - shift) <= NEAR]
            if near:
                pairs[i] = min(near, key=lambda j, at=i + shift: abs(j - at))  # type: ignore[misc]
                left.remove(pairs[i])
    return Aligned(plan, stream.events, measured, pairs)


def tensors(events: Sequence[Event]) -> Iterator[Measured]:
    """The tensors of a run, in order."""
    ended = {event.block: i for i, event in enumerate(events) if event.size < 0}
    for i, event in enumerate(events):
        if event.size > 0 and not event.workspace:
            yield Measured(event, i, ended.get(event.block, len(events)))


# --- differences -----------------------------------------------------------------------------------------------------


def explained(plan: Plan, stream: Stream, predicted: int) -> list[str]:
    """Where a measured peak and a predicted one part: the moment, and each part of the difference there, largest first.

    The moment is the peak of the higher one of the two.
    """
    pair = aligned(plan, stream)
    if stream.peak > predicted:
        at = top(stream.events)
        step = pair.step(at)
    else:
        step = plan.timeline.highest
        at = pair.event(step)
    found = sorted(parts(pair, step, at), key=lambda part: -abs(part.nbytes))
    highest = plan.timeline.highest
    head = f"at {plan.at(step)}" + (f", where the predicted peak is at {plan.at(highest)}" if step != highest else "")
    return [head, *(f"{part.nbytes:+,} bytes: {part.text}" for part in found)]


def top(events: Sequence[Event]) -> int:
    """The event after which most is alive, without workspaces."""
    levels = list(accumulate(0 if event.workspace else event.size for event in events))
    return max(range(len(levels)), key=levels.__getitem__, default=-1)


def parts(pair: Aligned, step: int, at: int) -> Iterator[Part]:
    """What is alive after an event and not predicted at a step, and the other way round."""
    instead = replaced(pair)
    for i, each in enumerate(pair.measured):
        if each.born <= at < each.ended:
            j = pair.planned.get(i)
            if j is None:
                yield unplanned(pair, i, instead.get(i))
            elif not pair.plan.storages[j].lives(step):
                text = f"{pair.plan.storages[j].name} is alive, {course(pair.plan, pair.plan.storages[j])}"
                yield Part(each.event.size, text)
    taken = {j: pair.measured[i] for i, j in pair.planned.items()}
    for j, storage in enumerate(pair.plan.storages):
        if storage.lives(step) and j not in instead.values():
            here = taken.get(j)
            if here is None or not here.born <= at < here.ended:
                how = "never allocated" if here is None else "allocated later" if here.born > at else "released before"
                yield Part(-storage.nbytes, f"{storage.name}, predicted at {pair.plan.at(storage.born)}, is {how}")
    if scratch := pair.plan.scratch(step):
        yield Part(-scratch, f"{pair.plan.at(step)} is predicted to take so much beside gradients")


def course(plan: Plan, storage: Planned) -> str:
    """`predicted from forward of conv1 (conv) until forward of relu1 (relu)`."""
    until = f"before {plan.at(storage.ended)}" if storage.ended < len(plan.timeline.steps) else "the end"
    return f"predicted from {plan.at(storage.born)} until {until}"


def replaced(pair: Aligned) -> Mapping[int, int]:
    """Tensors of another size than predicted: single ones between neighbours that are as predicted."""
    found: dict[int, int] = {}
    for i in range(len(pair.measured)):
        before = pair.planned.get(i - 1, -1 if i == 0 else None)
        after = pair.planned.get(i + 1, len(pair.plan.storages) if i + 1 == len(pair.measured) else None)
        if i not in pair.planned and before is not None and after == before + 2:
            found[i] = before + 1
    return found


def unplanned(pair: Aligned, i: int, instead: int | None) -> Part:
    """A tensor that is not predicted, or one of another size than predicted."""
    event = pair.measured[i].event
    kernel = event.kernel or ("no kernel" if event.known else "an unknown kernel")
    if instead is None:
        return Part(event.size, f"made by {kernel} at {between(pair, i)}, not predicted")
    storage = pair.plan.storages[instead]
    what = f"{storage.name}, predicted at {pair.plan.at(storage.born)}, has {event.size:,} bytes (made by {kernel})"
    return Part(event.size - storage.nbytes, f"{what}, not the {storage.nbytes:,} predicted")


def between(pair: Aligned, i: int) -> str:
    """The steps of the nearest predicted tensors before and after one that is not predicted."""
    before = next((pair.planned[k] for k in range(i - 1, -1, -1) if k in pair.planned), None)
    after = next((pair.planned[k] for k in range(i + 1, len(pair.measured)) if k in pair.planned), None)
    places = [pair.plan.at(pair.plan.storages[k].born) for k in (before, after) if k is not None]
    return " or ".join(dict.fromkeys(places)) or "no predicted step"


# --- saved tensors ---------------------------------------------------------------------------------------------------


def saved_tensors(graph: Graph, setup: TrainingSetup) -> Mapping[str, Sequence[tuple[str, int]]]:
    """The tensors that each layer is predicted to be the first to save, each with its bytes."""
    tape = tape_of(graph, run_of(graph, setup))
    found: dict[str, list[tuple[str, int]]] = {}
    for node, storage in saved_storages(tape, instead(stretches(graph, tape, setup.checkpointed))):
        found.setdefault(node, []).append((tape.names[storage], tape.bytes_of[storage]))
    return found


def beyond(predicted: Iterable[tuple[str, int]], measured: Iterable[tuple[str, int]]) -> str:
    """The tensors that a layer is predicted to save and does not, and those that it saves beyond the prediction.

    >>> beyond([("relu1", 16), ("mask", 4)], [("[4] float32", 16), ("[4, 2] uint8", 8)])
    'saved beyond the prediction: [4, 2] uint8, 8 bytes; predicted and not saved: mask, 4 bytes'
    """
    missing, more = list(predicted), []
    for text, nbytes in measured:
        alike = next((each for each in missing if each[1] == nbytes), None)
        if alike:
            missing.remove(alike)
        else:
            more.append((text, nbytes))
    said = (("saved beyond the prediction", more), ("predicted and not saved", missing))
    return "; ".join(f"{what}: {listed(found)}" for what, found in said if found)


def listed(found: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{text}, {nbytes:,} bytes" for text, nbytes in found)
