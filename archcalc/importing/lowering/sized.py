"""Arguments that follow the sizes of the inputs: numbers of three runs, as expressions in sizes of earlier layers."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from archcalc.core.axes import POSITIONS
from archcalc.core.volume import Volume
from archcalc.importing.lowering.lower import Lowered
from archcalc.importing.lowering.step import Step, stated

Run: TypeAlias = tuple[int, ...]
"""A number in each of the runs."""

MOST_PARTS = 64
"""The most parts of a size that are tried."""


class Raw(str):
    """An argument that is an expression already."""

    __slots__ = ()


def note_runs(found: Lowered, runs: Sequence[Lowered]) -> bool:
    """Notes for each step what it is in runs at other sizes; whether these have the same layers."""
    of = [(*each.inputs, *each.steps) for each in (found, *runs)]
    if any([each.kind for each in steps] != [each.kind for each in of[0]] for steps in of):
        return False
    for step, *others in zip(*of, strict=True):
        step.others = tuple(others)
    return True


def sized(step: Step, bases: Sequence[tuple[str, Step]]) -> dict[str, Any]:
    """The arguments of a step that differ at other sizes, where they are expressions in sizes of these layers, which
    have the names."""
    if not step.others or step.layer is None or step.again is not None:
        return {}
    known = [found for name, base in bases for found in sizes_of(name, [base, *base.others])]
    runs = [stated(each.layer, *each.layer.reads) for each in (step, *step.others) if each.layer is not None]
    found: dict[str, Any] = {}
    for key, value in runs[0].items():
        values = [run.get(key) for run in runs]
        if any(each != value for each in values) and (text := expressed(values, known)) is not None:
            found[key] = text
    return found


def sizes_of(name: str, runs: Sequence[Step]) -> Iterator[tuple[str, Run]]:
    """The sizes of a layer that differ between runs, as a spec asks for them."""
    volumes = [each.volume for each in runs]
    if len({len(each.item_shape) for each in volumes}) > 1:
        return
    for axis, word in enumerate(words_of(volumes[0])):
        lengths = tuple(int(each.item_shape[axis]) for each in volumes)
        if len(set(lengths)) > 1:
            yield f"{name}.{word}", lengths


def words_of(volume: Volume) -> list[str]:
    """What each axis of a sample is called."""
    words = POSITIONS.get(volume.rank)
    if volume.plain or words is None:
        return [f"shape[{i}]" for i in range(len(volume.item_shape))]
    if volume.is_ids:
        return list(words)
    return [*words, "channels"] if volume.channels_last else ["channels", *words]


def expressed(values: Sequence[Any], known: Sequence[tuple[str, Run]]) -> Any:
    """The values of the runs as one expression, or as a list of them; None if there is none."""
    if all(isinstance(each, tuple) for each in values):
        if len({len(each) for each in values}) > 1:
            return None
        parts = [each[0] if len(set(each)) == 1 else expressed(each, known) for each in zip(*values, strict=True)]
        return None if None in parts else tuple(parts)
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in values):
        return None
    values = [int(each) for each in values]  # lengths know how they were computed, which nothing asks here
    if all(each < 0 for each in values):
        text = expressed([-each for each in values], known)
        return None if text is None else Raw(f"-{text}" if text.replace(".", "").isidentifier() else f"-({text})")
    pairs = [
        (f"{a} * {b}", tuple(m * n for m, n in zip(x, y, strict=True)))
        for i, (a, x) in enumerate(known)
        for b, y in known[i + 1 :]
    ]
    found = (text for name, sizes in (*known, *pairs) for text in forms(tuple(values), name, sizes))
    return next(map(Raw, found), None)


def forms(values: Run, name: str, sizes: Run) -> Iterator[str]:
    """A size, a multiple or a part of it, or one that is longer or shorter by a number."""
    if values == sizes:
        yield name
    elif all(n and v % n == 0 and v // n == values[0] // sizes[0] for v, n in zip(values, sizes, strict=True)):
        yield f"{values[0] // sizes[0]} * {name}"
    elif len({v - n for v, n in zip(values, sizes, strict=True)}) == 1:
        more = values[0] - sizes[0]
        yield f"{name} {'+' if more > 0 else '-'} {abs(more)}"
    else:
        for parts in range(2, MOST_PARTS + 1):
            if values == tuple(n // parts for n in sizes):
                yield f"{name} // {parts}"
            elif values == tuple(-(-n // parts) for n in sizes):
                yield f"({name} + {parts - 1}) // {parts}"
