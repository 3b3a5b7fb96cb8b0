"""Compares windows and fields with sets of elements, followed one by one through a chain."""

import json
import re
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc.core.field import Field, union
from archcalc.core.moved import GlobalWindow
from archcalc.core.window import (
    IDENTITY,
    AdaptiveWindow,
    AnyWindow,
    BlockWindow,
    EarlierWindow,
    ResizedWindow,
    TransposedWindow,
    WholeWindow,
    Window,
    windows_along,
)
from archcalc.graph.builder import build
from archcalc.graph.loading import load, load_text
from archcalc.measures.receptive_field import (
    CROSSED,
    SIDE_BY_SIDE,
    TOO_MANY_PHASES,
    TOO_MUCH_WORK,
    of_input,
    seen_by,
)
from archcalc.record import replace
from archcalc.spec.document import one_liner
from archcalc.verification import verify
from tests.calls import calls_of
from tests.shell import Shell

small = st.integers(1, 4)
sliding = st.builds(
    Window, kernel=small, stride=small, begin=st.integers(-2, 3), end=st.integers(-2, 3), dilation=small
)
transposed = st.builds(
    TransposedWindow, kernel=small, stride=small, begin=st.integers(0, 2), end=st.integers(0, 2), dilation=small
)
adaptive = st.builds(AdaptiveWindow, inputs=st.integers(1, 9), outputs=st.integers(1, 9))
resized = st.builds(
    ResizedWindow,
    outputs=small,
    step=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kind=st.sampled_from(("nearest", "corners", "centres")),
)
windows = st.one_of(sliding, sliding, transposed, adaptive, resized)
blocks = st.builds(BlockWindow, length=st.just(1000), size=small, shift=st.integers(0, 3))
windows = st.one_of(sliding, sliding, transposed, adaptive, blocks)
chains = st.lists(windows, max_size=4)


def followed(chain: list[AnyWindow], i: int) -> set[int]:
    """The elements of an unbounded input that output element `i` of a chain depends on."""
    units = {i}
    for window in reversed(chain):
        units = {unit for each in units for unit in window.reach(each)}
    return units


def grown(chain: list[AnyWindow]) -> Field:
    field = Field()
    for window in chain:
        field = field.through(window, 100)
    return field


def span(units: set[int]) -> tuple[int, int] | None:
    return (min(units), max(units)) if units else None


@settings(max_examples=300, derandomize=True, deadline=None)
@given(chains)
def test_a_field_is_the_hull_of_the_followed_elements(chain: list[AnyWindow]) -> None:
    field = grown(chain)
    seen = [followed(chain, i) for i in range(2 * len(field.spans) + 3)]
    assert [field.at(i) for i in range(len(seen))] == [span(units) for units in seen]
    sizes = [max(units) - min(units) + 1 for units in seen if units]
    assert field.size == max(sizes, default=0)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.lists(sliding, max_size=3), st.lists(sliding, max_size=3), st.booleans())
def test_the_field_of_a_merge_is_the_union_of_its_branches(
    left: list[AnyWindow], right: list[AnyWindow], up: bool
) -> None:
    first = [*left, TransposedWindow(kernel=3, stride=2)] if up else left
    second = [*right, TransposedWindow(kernel=2, stride=2)] if up else right
    fields = [grown(first), grown(second)]
    joined = union(fields, 20)
    if fields[0].jump != fields[1].jump:
        assert not joined.aligned
    for i in range(min(20, 2 * len(joined.spans) + 1)):
        assert joined.at(i) == span(followed(first, i) | followed(second, i))


padded = st.builds(Window, kernel=small, stride=small, begin=st.integers(0, 2), end=st.integers(0, 2))


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.lists(padded, max_size=2), st.lists(st.one_of(padded, st.just(EarlierWindow())), max_size=3))
def test_the_field_of_a_causal_layer_starts_at_the_first_element(
    before: list[AnyWindow], after: list[AnyWindow]
) -> None:
    """Within the input; a field that is larger than the input is reported like any other."""
    first = [*before, EarlierWindow()]
    fields = {tuple(first): union([grown(before), grown(first)]), (*first, *after): grown([*first, *after])}
    for chain, field in fields.items():
        for i in (each for each in range(5) if each * field.step < 100):
            seen, found = span(followed(list(chain), i)), field.at(i)
            assert found
            assert found[0] <= 0
            assert seen is None or max(seen[1], -1) < 0 or (max(seen[0], 0), seen[1]) == (0, found[1])


@settings(max_examples=500, derandomize=True, deadline=None)
@given(
    st.one_of(sliding, st.builds(Window, kernel=small, stride=small, begin=small, dilation=small, ceil=st.just(True)))
)
def test_taps_are_counted_one_by_one(window: Window) -> None:
    for n in range(1, 12):
        falls = [[unit for unit in window.reach(i) if 0 <= unit < n] for i in range(max(window.slide(n), 0))]
        assert window.taps(n) == sum(map(len, falls))
        if window.begin >= 0 and 2 * max(window.begin, window.end) <= window.kernel:
            assert window.filled(n) == sum(1 for fall in falls if fall) or window.slide(n) < 1


@settings(max_examples=300, derandomize=True, deadline=None)
@given(transposed, st.integers(1, 9))
def test_a_transposed_window_reaches_the_elements_that_write_to_it(window: TransposedWindow, n: int) -> None:
    writes = {(i, i * window.stride + t * window.dilation) for i in range(n) for t in range(window.kernel)}
    for o in range(max(window.slide(n), 0)):
        seen = {unit for unit in window.reach(o) if 0 <= unit < n}
        assert seen == {i for i, landed in writes if landed - window.begin == o}
    assert window.written(n) == len({landed for _, landed in writes})
    assert window.slide(n) == max(landed for _, landed in writes) + 1 - window.begin - window.end


def chain_of(*layers: tuple[int, int, int]) -> Field:
    """(kernel, stride, padding) of every layer."""
    return grown([Window(kernel=k, stride=s, begin=p, end=p) for k, s, p in layers])


ALEXNET = ((11, 4, 2), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2, 0))
VGG16 = tuple(layer for n in (2, 2, 3, 3, 3) for layer in (*((3, 1, 1),) * n, (2, 2, 0)))


@pytest.mark.parametrize(("chain", "size", "jump"), [(ALEXNET, 195, 32), (VGG16, 212, 32)])
def test_published_receptive_fields(chain: tuple[tuple[int, int, int], ...], size: int, jump: int) -> None:
    """Araujo, Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill, table 1."""
    assert (chain_of(*chain).size, chain_of(*chain).jump) == (size, Fraction(jump))


def joins() -> Iterator[tuple[list[Window], list[Window], bool]]:
    """Two branches, and whether their centres coincide."""
    keeping, shrinking, halving = Window(3, begin=1, end=1), Window(3), Window(3, stride=2, begin=1, end=1)
    yield [keeping], [], True
    yield [shrinking], [], False
    yield [shrinking], [Window(begin=-1, end=-1)], True
    yield [halving, keeping], [Window(stride=2)], True
    yield [Window(2, stride=2)], [Window(stride=2)], False
    yield [halving], [keeping], False


@pytest.mark.parametrize(("left", "right", "aligned"), list(joins()))
def test_a_merge_is_aligned_if_centres_coincide(left: list[AnyWindow], right: list[AnyWindow], aligned: bool) -> None:
    joined = union([grown(left), grown(right)], 20)
    assert joined.aligned == aligned
    assert joined.through(Window(3), 100).aligned == aligned, "a layer does not fix the alignment of a merge"
    assert union([joined, joined]).aligned == aligned


def test_a_whole_window_covers_the_input_whatever_follows() -> None:
    field = Field().through(Window(3), 50).through(WholeWindow(1), 50)
    assert (field.whole, field.size, field.jump, field.start) == (True, 50, Fraction(0), 0)
    assert field.through(TransposedWindow(2, 2), 50) == field
    assert union([Field(), field]).whole


def test_an_axis_no_longer_than_a_block_is_one_block() -> None:
    assert [BlockWindow(n, 7, 3).whole for n in (6, 7, 8)] == [True, True, False]
    assert BlockWindow(8, 7, 3).slide(8) == 8


def test_upsampling_makes_the_jump_a_fraction() -> None:
    field = grown([TransposedWindow(kernel=4, stride=2, begin=1, end=1), Window(3, begin=1, end=1)])
    assert (field.jump, field.size, len(field.spans)) == (Fraction(1, 2), 3, 2)


def test_windows_along_the_axes() -> None:
    made = windows_along(2, 3, (1, 2), ((0, 1), (2, 3)), 2, ceil=True)
    assert made == (Window(3, 1, 0, 1, 2, True), Window(3, 2, 2, 3, 2, True))
    assert IDENTITY.slide(7) == 7


# --- many phases -----------------------------------------------------------------------------------------------------

TOWER = "input(1, 4) -> " + " -> ".join(f"upconv({s}, 1, s{s})" for s in (7, 11, 13, 17))
MANY_PHASES = {
    "coprime strides": TOWER,
    "one long stride": "input(1, 4) -> upconv(99991, 1, s99991) -> conv(9, 1, p4) * 30",
    "a kernel of ten strides": "input(1, 4) -> upconv(999910, 1, s99991) -> conv(9999, 1, p4999) * 30",
    "adaptive pooling": "input(1, 99991) -> adaptive_avgpool(99989) -> adaptive_avgpool(99971) -> conv(9, 1, p4) * 30",
    "many phases in many layers": "input(1, 4) -> upconv(4001, 1, s4001) -> conv(99, 1, p49) * 60",
}


@pytest.mark.parametrize("chain", MANY_PHASES.values(), ids=MANY_PHASES.keys())
def test_a_field_of_too_many_phases_is_unknown_before_it_is_computed(chain: str) -> None:
    graph = build(one_liner(chain))
    calls, found = calls_of(lambda: seen_by(graph))
    (last,) = found[graph.nodes[-1].name]
    assert last.fields == ()
    assert last.why in (TOO_MANY_PHASES, TOO_MUCH_WORK)
    assert calls < 2_000_000


def test_phases_of_vocoders_are_few_enough() -> None:
    """Mimi's decoder makes 1,920 samples of a frame."""
    steps = [f"upconv({2 * s}, 8, s{s}, p{s // 2}) -> conv(7, 8, p3)" for s in (8, 6, 5, 4, 2)]
    graph = build(one_liner(" -> ".join(["input(8, 50)", *steps])))
    assert all(seen.fields for seen in of_input(graph, graph.inputs[0]).values())


@settings(max_examples=300, derandomize=True, deadline=None)
@given(transposed, st.integers(-9, 9))
def test_the_elements_that_write_to_an_element_are_a_range(window: TransposedWindow, i: int) -> None:
    wrote = {e for e in range(-30, 30) for t in range(window.kernel)
             if e * window.stride - window.begin + t * window.dilation == i}  # fmt: skip
    assert list(window.reach(i)) == sorted(wrote)


AFTER_A_SEQUENCE = {
    "a token in front": "tokens -> class_token -> attention(2)",
    "a token among the others": "tokens -> class_token -> roll(2, axis=length) -> attention(2)",
    "a gap of tokens": "tokens -> slice(1, 9, axis=length) -> attention(2)",
    "the order turned round": "tokens -> roll(3, axis=length) -> attention(2)",
}


@pytest.mark.parametrize("chain", AFTER_A_SEQUENCE.values(), ids=AFTER_A_SEQUENCE.keys())
def test_what_reads_all_positions_of_a_sequence_sees_what_each_of_them_sees(chain: str) -> None:
    """Rows of a map follow each other in a sequence: along its width the fields repeat, along its height they go on."""
    made = verify(one_liner(f"input(3, 16, 16) -> conv(4, 8, stride=4) -> {chain}"), device="cpu", memory=False)
    assert [row for row in made.rows if row.agrees is False] == []


@pytest.mark.parametrize(
    ("chain", "seen"),
    [
        ("repeat(1, axis=1) -> take(1, axis=1) -> cumsum(1)", [(1, 1)]),
        ("repeat(2, axis=1) -> roll(1, axis=1) -> cumsum(1)", [(1, 1), (0, 1), (0, 1), (0, 1)]),
        ("slice(1, 2, axis=1) -> cumsum(1)", [(1, 1)]),
        ("pad([[0, 1]], axis=1) -> take(0, axis=2) -> cumsum(1)", [(-1, 0), (0, 1), (0, 2)]),
    ],
)
def test_running_sums_see_nothing_else_of_an_axis(chain: str, seen: list[tuple[int, int]]) -> None:
    """Not of an axis that was taken away; all earlier elements where the axis is longer than the input's; no others
    where the elements were moved."""
    graph = build(one_liner(f"input(2, 1, 1, channels_last=true) -> {chain}"))
    (found,) = seen_by(graph)[graph.nodes[-1].name]
    assert [found.fields[0].at(i) for i in range(len(seen))] == seen


def test_attention_on_patches_sees_the_whole_image() -> None:
    found = seen_by(load("vit_b16"))
    assert [[axis.size for axis in seen.fields] for seen in found["encoder.0.attention1"]] == [[224, 224]]


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.lists(sliding, max_size=3), padded, st.integers(1, 40))
def test_a_field_that_slides_is_the_same_in_one_step(before: list[AnyWindow], window: Window, n: int) -> None:
    field = grown(before)
    assert field.slid(window) in (None, field.through(window, n))
    if len(field.spans) == 1 and field.spans[0]:
        assert field.slid(window) is not None


@settings(max_examples=200, derandomize=True, deadline=None)
@given(padded, st.integers(1, 4), st.booleans(), st.integers(0, 19))
def test_the_runs_of_a_window_are_what_it_reaches(window: Window, count: int, causal: bool, i: int) -> None:
    within = GlobalWindow(20, count, replace(window, stride=1), causal)
    reached = {*range(20)} if i < count else {*range(count), *(j for j in within.window.reach(i) if 0 <= j < 20)}
    if causal:
        reached = {j for j in reached if j <= i}
    assert {*within.reach(i)} == {j for run in within.runs(i) for j in run} == reached


# --- upper bounds ----------------------------------------------------------------------------------------------------

APART = "rearrange('b c (h p) w -> b (c p) h w', p=2)"


@pytest.mark.parametrize(
    ("chain", "loose"),
    [
        (f"conv(3, 4, p1) -> {APART} -> channels(0, 4) -> conv(3, 2)", ["channels1", "conv2"]),
        (f"{APART} -> relu -> rearrange('b (c p) h w -> b c (h p) w', p=2)", ["rearrange2"]),
        (f"{APART} -> channels(0, 2) -> gap", ["channels1"]),  # all elements together see all
        (f"{APART} -> conv(1, 8) -> channels(0, 4)", []),  # each feature depends on all before
        ("conv(3, 4, p1) -> channels(0, 2) -> conv(3, 2)", []),  # features of one place
        ("flatten -> slice(0, 9)", ["slice1"]),
        ("conv(1, 8) -> rearrange('b (c p) h w -> b c (h p) w', p=2)", []),
    ],
)
def test_where_a_field_is_an_upper_bound(chain: str, loose: list[str]) -> None:
    graph = build(one_liner(f"input(2, 12, 12) -> {chain}"))
    assert [name for name, [seen] in seen_by(graph).items() if seen.at_most] == loose


@pytest.mark.parametrize(
    ("branches", "then", "loose"),
    [
        ("[conv(3, 4, p1), conv(1, 4)]", "channels(0, 4)", ["channels1"]),
        ("[conv(3, 4, p1), conv(1, 4)]", "channel_shuffle(2) -> channels(0, 4)", []),  # each half has both
        ("[conv(3, 4, p1), conv(3, 4, p1)]", "channels(0, 4)", []),
        ("[conv(3, 4, p1), conv(1, 4)]", "conv(1, 4)", []),
    ],
)
def test_where_a_field_of_branches_is_an_upper_bound(branches: str, then: str, loose: list[str]) -> None:
    text = f"archcalc: 1\ninput: [2, 8, 8]\nlayers:\n  - concat: {branches}\n  - {then}\n"
    graph = load_text(text)
    assert [name for name, [seen] in seen_by(graph).items() if seen.at_most] == loose


def test_values_that_are_counted_along_different_axes_have_an_upper_bound() -> None:
    text = "archcalc: 1\ninput: [2, 6, 6]\nlayers: [x = relu, {add: [x, \"x -> rearrange('b c h w -> b c w h')\"]}]\n"
    [seen] = seen_by(load_text(text))["add1"]
    assert seen.at_most == CROSSED


def test_an_upper_bound_is_shown_as_one(shell: Shell) -> None:
    spec = f"input(2, 12, 12) -> conv(3, 4, p1) -> {APART} -> channels(0, 4) -> conv(3, 2)"
    table = shell("report", "-e", spec).out
    assert re.search(r"\nrearrange1 .* 4x3 ", table)
    assert re.search(r"\nchannels1 .* ≤ 4x3 ", table)
    assert f"receptive field ≤: from channels1 on, {SIDE_BY_SIDE}" in table
    fields = [
        each["receptive_field"] for each in json.loads(shell("report", "-e", spec, "--format", "json").out)["layers"]
    ]
    assert [each.get("at_most") for each in fields] == [None, None, SIDE_BY_SIDE, SIDE_BY_SIDE]
    said = " ".join(shell("explain", "-e", spec, "conv2").out.split())
    assert f"an upper bound: {SIDE_BY_SIDE}" in said
    assert "an upper bound" not in shell("explain", "-e", spec, "conv1").out
