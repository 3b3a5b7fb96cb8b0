"""Receptive field: the field at the layer's input, and how the layer's windows change it."""

from collections.abc import Iterator, Mapping

from archcalc.core.dim import Dim
from archcalc.core.field import Field, have_one_jump, union
from archcalc.core.window import IDENTITY, AnyWindow, Window
from archcalc.explanation.derivation import Part, Step, Subject, Table, derivation, remark, step
from archcalc.explanation.tracing import axes_of, named, window_with_names, written
from archcalc.explanation.written import tree_of
from archcalc.graph.graph import Input, Node
from archcalc.measures.receptive_field import Fields, carriers, spatial_inputs, window_of

SOURCE = "Araujo, Norris & Sim 2019, Distill"

MOST_PHASES = 16
"""The maximum number of phases that are listed."""


@derivation("Receptive field", 50)
def receptive_field(subject: Subject) -> Iterator[Part]:
    seeds = spatial_inputs(subject.graph)
    if not seeds:
        yield remark("none: the network's input has no positions")
    elif not subject.fields:
        shared = subject.node.output.shared
        why = "it depends on no input" if shared else "it has no input with positions, or its field has too many phases"
        yield remark(f"none: {why}")
    for seed, fields in subject.fields:
        if len(seeds) > 1:
            yield remark(f"in {seed.name}:")
        yield from of_input(subject.node, seed, fields)
    if subject.at_most:
        yield remark(f"an upper bound: {subject.at_most}")


def of_input(node: Node, seed: Input, fields: Mapping[str, Fields]) -> Iterator[Part]:
    before, after = fields_before(node, fields), fields[node.name]
    place = next(i for i, name in enumerate(carriers(node)) if name in fields)
    windows = [window_of(node, place, axis, each) for axis, each in enumerate(fields[carriers(node)[place]])]
    seen: dict[tuple[Field, AnyWindow, Dim], str] = {}
    for i, axis in enumerate(axes_of(seed.volume)):
        n, window = seed.volume.spatial[i], windows[i]
        if (before[i], window, n) in seen:
            yield remark(f"the same along {axis}")
        else:
            yield from of_axis(node, window, before[i], after[i], axis, n)
        seen[before[i], window, n] = axis


def fields_before(node: Node, fields: Mapping[str, Fields]) -> Fields:
    """The field of an element of the input; for several inputs of the layer, the union, or the largest if neighbouring
    elements are differently far apart."""
    branches = [fields[name] for name in carriers(node) if name in fields]
    return tuple(
        union(axis) if have_one_jump(axis) else max(axis, key=lambda each: each.size)
        for axis in zip(*branches, strict=True)
    )


def of_axis(node: Node, window: AnyWindow, before: Field, after: Field, axis: str, n: Dim) -> Iterator[Part]:
    if after.whole:
        why = "as at its input" if before.whole else "because it reads the whole axis"
        yield remark(f"along {axis} every element depends on all {after.size:,} elements of the network's input, {why}")
        return
    joined = "the union of the fields of its inputs" if len(carriers(node)) > 1 else "as at its input"
    if window is IDENTITY:
        yield remark(f"along {axis} {joined}: {in_words(after)}")
        return
    yield remark(f"along {axis}, {joined.removeprefix('as ')}: {in_words(before)}")
    made = window_with_names(window, node.layer)
    yield from (isinstance(made, Window) and list(recurrence(made, before, after))) or in_phases(after)
    if after.size > n:
        yield remark(f"larger than the {n:,} elements of {axis}: it includes padding")


def in_words(field: Field) -> str:
    phases = f", in {len(field.spans)} phases" if len(field.spans) > 1 else ""
    return f"size r = {field.size:,}, jump j = {field.jump}, start = {field.start:,}{phases}"


def recurrence(window: Window, before: Field, after: Field) -> Iterator[Step]:
    """The steps of a sliding window; none if there are several phases, because one number is not enough."""
    if len(before.spans) > 1 or len(after.spans) > 1:
        return
    r, j, start = named("r", before.size), named("j", before.step), named("start", before.start)
    found = {
        "r'": (r + (window.extent - 1) * j, after.size),
        "j'": (j * window.stride, after.step),
        "start'": (start - window.begin * j, after.start),
    }
    if any(tree_of(made).value != known for made, known in found.values()):
        return
    for i, (name, (made, known)) in enumerate(found.items()):
        formula = written(tree_of(made))
        assert formula.result == known
        yield step(name, formula, source="" if i else SOURCE)


def in_phases(field: Field) -> Iterator[Part]:
    """The field of each phase."""
    count = len(field.spans)
    yield Step(name="size", result=field.size, note="the largest over the phases" if count > 1 else "")
    yield Step(name="jump", numbers=f"{field.step}/{count}" if count > 1 else "", result=field.jump)
    if count == 1:
        yield Step(name="start", result=field.start)
        return
    shown, turns = field.spans[:MOST_PHASES], f"{field.step}·q" if field.step > 1 else "q"
    yield remark(
        f"the field repeats every {count} elements: element {count}·q + i depends on these, shifted by {turns}"
        + (f" (the first {MOST_PHASES} of {count})" if len(shown) < count else "")
    )
    rows = tuple(
        (str(i), *((f"{span[0]:,}", f"{span[1]:,}", f"{span[1] - span[0] + 1:,}") if span else ("", "", "nothing")))
        for i, span in enumerate(shown)
    )
    yield Table(("i", "from element", "to element", "size"), rows)
