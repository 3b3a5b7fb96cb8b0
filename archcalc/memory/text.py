"""Memory in words: the figures of a footprint, and the timeline of a training step."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archcalc.memory.footprint import Footprint
    from archcalc.memory.timeline import Timeline, TimelineStep
    from archcalc.memory.transfer import Once

SHOWN = 12
"""Tensors that are alive at the peak, the largest first."""

WIDTH = 30
"""Characters of the longest bar."""


def figures(found: "Footprint") -> list[str]:
    """A line for every figure."""
    nested = f"; {found.nested.live:,} where blocks are called"
    rows = [
        ("parameters", found.parameters, ""),
        ("buffers", found.buffers, ""),
        ("gradients", found.gradients, ""),
        ("kept for backward", sum(found.saved.values()), ""),
        ("peak of inference", found.inference.live, f"at {found.inference.node}{nested}"),
        ("peak of training", found.training.live, f"in {found.training.phase}, at {found.training.node}"),
    ]
    if found.step:
        rows += [
            (f"state of {found.step.name}", found.step.state, f"and {found.step.temporaries:,} while it steps"),
            ("peak of an iteration", found.iteration, "parameters, buffers and states included"),
        ]
    if found.once:
        rows.append(
            ("computed once", found.once.item_bytes, f"an item: {', '.join(found.once.layers)}{but(found.once)}")
        )
    widest, longest = max(len(name) for name, _, _ in rows), max(len(f"{n:,}") for _, n, _ in rows)
    lines = [f"  {name:{widest}}  {n:>{longest},}  {note}".rstrip() for name, n, note in rows]
    head = f"memory, bytes ({found.setup.rules}; peaks with input, above parameters and buffers)"
    return [head, *conditions(found), *lines]


def but(once: "Once") -> str:
    """Which layers keep it from being more."""
    first, *rest = once.hindered or ("",)
    others = f" and {len(rest)} more" if rest else ""
    return f"; behind it {first}{others} goes by chance or by the batch" if first else ""


def conditions(found: "Footprint") -> Iterator[str]:
    """What the figures hold for, beside the usual."""
    if found.setup.checkpointed:
        yield f"  {' and '.join(found.setup.checkpointed)}: only inputs are kept, and backward runs it again"
    if found.setup.autocast:
        yield f"  forward under autocast in {found.setup.autocast}; parameters and their gradients in float32"
    if found.setup.accumulate:
        yield "  gradients are added to those of earlier batches"


def timeline(made: "Timeline") -> Iterator[str]:
    """The most that is alive in each part of the network, forward and backward, and what that is at the peak."""
    parts = folded(made.steps)
    widest = max(len(name) for _, name, _ in parts)
    most = made.peak.live
    for phase, name, live in parts:
        bar = "#" * max(1, round(WIDTH * live / most))
        yield f"  {phase:8}  {name:{widest}}  {live:>15,}  {bar}{' the peak' if live == most else ''}"
    yield ""
    yield f"peak of training: {most:,} bytes, in {made.peak.phase} at {made.peak.node}; alive then:"
    alive = sorted(made.alive, key=lambda pair: -pair[1])
    for name, nbytes in alive[:SHOWN]:
        yield f"  {nbytes:>15,}  {name}"
    if rest := alive[SHOWN:]:
        yield f"  {sum(nbytes for _, nbytes in rest):>15,}  {len(rest)} more"


def folded(steps: "Sequence[TimelineStep]") -> list[tuple[str, str, int]]:
    """Neighbours of one block as one, with the most that is alive in it."""
    parts: list[tuple[str, str, int]] = []
    for step in steps:
        name = step.node.partition(".")[0]
        if parts and parts[-1][:2] == (step.phase, name):
            parts[-1] = (step.phase, name, max(parts[-1][2], step.live))
        else:
            parts.append((step.phase, name, step.live))
    return parts
