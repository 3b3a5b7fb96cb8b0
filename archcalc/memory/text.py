"""Memory as text: the figures of a footprint, and the timeline of a training step."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archcalc.memory.footprint import Footprint
    from archcalc.memory.timeline import Timeline, TimelineStep
    from archcalc.memory.transfer import Once

SHOWN = 12
"""How many tensors alive at the peak are listed, the largest first."""

WIDTH = 30
"""Characters of the longest bar."""


def figures(found: "Footprint") -> list[str]:
    """One line per figure."""
    nested = f"; {found.nested.live:,} with blocks as modules"
    rows = [
        ("parameters", found.parameters, ""),
        ("buffers", found.buffers, ""),
        ("gradients", found.gradients, ""),
        ("saved for backward", sum(found.saved.values()), ""),
        ("inference peak", found.inference.live, f"at {found.inference.node}{nested}"),
        ("training peak", found.training.live, f"in {found.training.phase}, at {found.training.node}"),
    ]
    if found.step:
        rows += [
            (f"{found.step.name} state", found.step.state, f"plus {found.step.temporaries:,} during its step"),
            ("iteration peak", found.iteration, "including parameters, buffers and optimizer state"),
        ]
    if found.once:
        rows.append(
            (
                "computed once",
                found.once.bytes_per_sample,
                f"per sample: {', '.join(found.once.layers)}{exclusions(found.once)}",
            )
        )
    widest, longest = max(len(name) for name, _, _ in rows), max(len(f"{n:,}") for _, n, _ in rows)
    lines = [f"  {name:{widest}}  {n:>{longest},}  {note}".rstrip() for name, n, note in rows]
    head = f"memory in bytes ({found.setup.rules})"
    return [head, "  peaks include the input, but not parameters and buffers", *conditions(found), *lines]


def exclusions(once: "Once") -> str:
    """Which frozen layers cannot be computed once."""
    names = once.excluded if len(once.excluded) < 2 else (f"{once.excluded[0]} and {len(once.excluded) - 1} more",)
    return "".join(f"; not {name}: random, or dependent on the batch" for name in names)


def conditions(found: "Footprint") -> Iterator[str]:
    """The training setup of the figures, as far as it is not the default."""
    if found.setup.checkpointed:
        yield f"  {' and '.join(found.setup.checkpointed)}: checkpointed, saves only inputs and runs again in backward"
    if found.setup.autocast:
        yield f"  forward under autocast in {found.setup.autocast}; parameters and their gradients in float32"
    if found.setup.accumulate:
        yield "  gradients are added to those of earlier batches"


def timeline(made: "Timeline") -> Iterator[str]:
    """The peak in each part of the network, forward and backward, and the tensors alive at the highest peak."""
    parts = folded(made.steps)
    widest = max((len(name) for _, name, _ in parts), default=0)
    most = made.peak.live
    for phase, name, live in parts:
        bar = "#" * max(1, round(WIDTH * live / most))
        yield f"  {phase:8}  {name:{widest}}  {live:>15,}  {bar}{' peak' if live == most else ''}"
    yield ""
    yield f"training peak: {most:,} bytes, in {made.peak.phase} at {made.peak.node}; alive at the peak:"
    alive = sorted(made.alive, key=lambda pair: -pair[1])
    for name, nbytes in alive[:SHOWN]:
        yield f"  {nbytes:>15,}  {name}"
    if rest := alive[SHOWN:]:
        yield f"  {sum(nbytes for _, nbytes in rest):>15,}  {len(rest)} more"


def folded(steps: "Sequence[TimelineStep]") -> list[tuple[str, str, int]]:
    """Merges consecutive steps of one block, with the peak within it."""
    parts: list[tuple[str, str, int]] = []
    for step in steps:
        name = step.node.partition(".")[0]
        if parts and parts[-1][:2] == (step.phase, name):
            parts[-1] = (step.phase, name, max(parts[-1][2], step.live))
        else:
            parts.append((step.phase, name, step.live))
    return parts
