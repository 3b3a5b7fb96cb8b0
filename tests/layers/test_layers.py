"""Compares every layer with the numbers in its examples, and with torch. No layer is named here.

These tests cover a new layer through its examples. Each test fails if the fact it checks is wrong.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import Field, dataclass, fields, replace
from typing import Any, cast

import pytest
from torch import Tensor

from archcalc import layers  # noqa: F401  every file in it registers itself
from archcalc.core.arrangement import MixedWindow
from archcalc.core.dim import PerAxis, free
from archcalc.core.moved import ChosenWindow
from archcalc.core.ops import Ops
from archcalc.core.padding import Padding
from archcalc.core.volume import Volume
from archcalc.core.window import IDENTITY, AnyWindow
from archcalc.graph.graph import Node
from archcalc.layer import LAYERS, Call, Example, Layer
from archcalc.layers.parametrized import Parametrized
from archcalc.measure import MEASURES
from archcalc.measures import arithmetic, kv_cache, params  # noqa: F401  they register what is asked for below
from archcalc.sym.expr import Claim, Expr, NoClosedForm
from tests.torch_oracle import applied, entries, flops, output_of, output_or_refusal, reached


@dataclass(frozen=True)
class Case:
    """One example of one layer."""

    kind: str
    example: Example

    @property
    def layer(self) -> Layer:
        return LAYERS[self.kind](**self.example.given)

    @property
    def xs(self) -> tuple[Volume, ...]:
        return self.example.xs

    @property
    def node(self) -> Node:
        outputs = (self.layer.shape(*self.xs),)
        names = tuple(f"x{i}" for i in range(len(self.xs)))
        return Node(name="it", layer=self.layer, sources=names, inputs=self.xs, outputs=outputs, module="it")


CASES = [
    pytest.param(Case(kind, example), id=f"{kind}-{i}")
    for kind, layer in LAYERS.items()
    for i, example in enumerate(layer.examples)
]
COMPARABLE = [case for case in CASES if not LAYERS[cast(Case, case.values[0]).kind].measured]
each_case = pytest.mark.parametrize("case", CASES)
each_comparable = pytest.mark.parametrize("case", COMPARABLE)
each_layer = pytest.mark.parametrize("kind", LAYERS)


def fields_of(layer: Layer | type[Layer]) -> tuple[Field[Any], ...]:
    """The dataclass fields of a layer: `__init_subclass__` makes it a dataclass, which the type does not show."""
    return fields(cast(Any, layer))


def with_argument(layer: Layer, name: str, value: Any) -> Layer:
    return cast(Layer, replace(cast(Any, layer), **{name: value}))


def unmet(layer: Layer, xs: tuple[Volume, ...]) -> str:
    """The message of the first failed requirement, in the builder's order; empty if none fails."""
    return next((message or "no message" for holds, message in layer.requires(*xs) if not holds), "")


# --- what the example states --------------------------------------------------------------------------------------


@each_case
def test_example_has_the_stated_numbers(case: Case) -> None:
    assert unmet(case.layer, case.xs) == ""
    assert case.node.output == case.example.y
    stated = {"params": case.example.params, "macs": case.example.macs, "scalar": case.example.scalar}
    assert {name: MEASURES[name].of(case.node) for name in stated} == stated


@each_comparable
def test_every_method_of_a_layer_takes_all_its_inputs(case: Case) -> None:
    assert all(measure.of(case.node) >= 0 for measure in MEASURES.values())
    assert "\n" not in case.layer.remedy(*case.xs)


@each_comparable
def test_numbers_are_for_the_whole_batch(case: Case) -> None:
    xs = tuple(x if x.shared else replace(x, batch=3 * x.batch) for x in case.xs)
    times = 1 if case.example.y.shared else 3
    node = replace(case.node, inputs=xs, outputs=(case.layer.shape(*xs),))
    assert node.output == replace(case.example.y, batch=times * case.example.y.batch)
    assert MEASURES["params"].of(node) == case.example.params
    assert MEASURES["macs"].of(node) == times * case.example.macs
    assert MEASURES["scalar"].of(node) == times * case.example.scalar


# --- torch --------------------------------------------------------------------------------------------------------


@each_comparable
def test_torch_gives_the_same_shape(case: Case) -> None:
    assert output_of(case.layer, case.xs) == (case.example.y.shape, case.example.y.dtype)


@each_comparable
def test_torch_has_the_same_state_dict(case: Case) -> None:
    made = applied(case.layer, case.xs).it
    ours = [(w.name, w.shape, w.buffer, w.trainable and not w.buffer, w.dtype) for w in case.layer.weights(*case.xs)]
    assert sorted(ours) == sorted(entries(made) if made is not None else [])


@each_comparable
def test_torch_counts_the_same_macs(case: Case) -> None:
    assert case.layer.ops(case.example.y, *case.xs).mac == flops(case.layer, case.xs) / 2


# --- other sizes and other arguments -------------------------------------------------------------------------------


def resized(xs: tuple[Volume, ...]) -> Iterator[tuple[Volume, ...]]:
    """The same inputs with other spatial axes, changed in the same way."""
    for step in (1, -1, 2, 5):
        yield tuple(x.to(spatial=tuple(n + step for n in x.spatial)) for x in xs)
        yield tuple(x.to(spatial=tuple(n + step * axis for axis, n in enumerate(x.spatial))) for x in xs)
    for size in (1, 2, 3, 4, 7):
        yield tuple(x.to(spatial=(size,) * x.rank) for x in xs)


SMALL = 3e6
"""Multiply-accumulates, outputs and ten for each weight of a layer that the CPU makes and runs in milliseconds."""


def check_agreement(layer: Layer, xs: tuple[Volume, ...], torchs_own: Callable[[Call], bool]) -> None:
    """We accept what torch accepts, with the same shape.

    What is small is asked of the CPU, the rest of meta, which lets pass some of what the CPU refuses. Where the call is
    not `torchs_own`, or padding is given by a rule, torch does not say what is sensible, and we may be stricter.
    """
    why_not = unmet(layer, xs)
    if not why_not:
        y = layer.shape(*xs)
        is_small = layer.ops(y, *xs).mac + y.numel + 10 * sum(each.numel for each in layer.weights(*xs)) < SMALL
        assert output_or_refusal(layer, xs, "cpu" if is_small else "meta") == y.shape
        return
    if any(isinstance(getattr(layer, field.name), str) for field in fields_of(layer) if field.type is Padding):
        return
    try:
        call = layer.call(*xs)
    except (ArithmeticError, ValueError, LookupError):
        return  # `requires` refuses it
    if torchs_own(call):
        result = output_or_refusal(layer, xs)
        result = output_or_refusal(layer, xs, "cpu") if isinstance(result, tuple) else result
        assert isinstance(result, str), f"torch accepts it and gives {result}; we refuse it: {why_not}"


def a_module(call: Call) -> bool:
    return call.target.startswith("torch.") and call.forward == "{module}({0})"


def a_module_or_function(call: Call) -> bool:
    return a_module(call) or call.forward.startswith("F.")


@each_comparable
def test_torch_accepts_and_refuses_the_same_sizes(case: Case) -> None:
    for xs in resized(case.xs):
        if all(n >= 1 for x in xs for n in x.spatial):
            check_agreement(case.layer, xs, a_module_or_function)


def changed(value: Any) -> Iterator[Any]:
    """Other values for an argument that is a number, a boolean, or a number for each axis."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from dict.fromkeys((value + 1, value - 1, 2 * value + 1, 3 * value, 0, -1))
    elif isinstance(value, tuple) and all(isinstance(each, int) for each in value):
        for i, each in enumerate(value):
            yield from ((*value[:i], other, *value[i + 1 :]) for other in (each + 1, each - 1, 0, -1))


@each_comparable
def test_torch_accepts_and_refuses_the_same_arguments(case: Case) -> None:
    for field in fields_of(case.layer):
        for value in changed(getattr(case.layer, field.name)):
            check_agreement(with_argument(case.layer, field.name, value), case.xs, a_module)


PER_AXIS: tuple[Any, ...] = (PerAxis, PerAxis | None, Padding)


@each_comparable
def test_a_list_with_too_many_entries_is_refused_with_a_message(case: Case) -> None:
    """The list is refused before anything is computed from it."""
    for field in fields_of(case.layer):
        if field.type in PER_AXIS:
            layer = with_argument(case.layer, field.name, (1,) * (max(case.xs[0].rank, case.example.y.rank) + 1))
            assert field.name in unmet(layer, case.xs)


# --- closed forms --------------------------------------------------------------------------------------------------


def with_symbols(xs: tuple[Volume, ...]) -> tuple[Volume, ...]:
    """The same inputs with a symbol for the batch and, on each axis that all inputs share, a symbol `s0` ..."""
    first = longest(xs)
    shared = all(x.spatial in (first, ()) for x in xs)
    names = tuple(free(f"s{axis}") for axis in range(len(first)))
    return tuple(replace(x, batch=free("N"), spatial=names if shared and x.spatial else x.spatial) for x in xs)


def values_of(xs: tuple[Volume, ...]) -> dict[str, int]:
    return {"N": xs[0].batch if xs else 1, **{f"s{axis}": n for axis, n in enumerate(longest(xs))}}


def longest(xs: tuple[Volume, ...]) -> tuple[int, ...]:
    """The axes of the input that has most of them."""
    return max((x.spatial for x in xs), key=len, default=())


def at(dims: Any, values: dict[str, int]) -> Any:
    """Dims, or a claim, with a value for every symbol."""
    if isinstance(dims, tuple):
        return tuple(at(dim, values) for dim in dims)
    return dims.at(**values) if isinstance(dims, Expr | Claim) else dims


def closed_ops(layer: Layer, y: Volume, xs: tuple[Volume, ...]) -> dict[str, Any] | None:
    """The arithmetic by kind; None if it raises NoClosedForm."""
    try:
        return {field.name: getattr(layer.ops(y, *xs), field.name) for field in fields(Ops)}
    except NoClosedForm:
        return None


@each_comparable
def test_closed_forms_equal_the_numeric_results(case: Case) -> None:
    """Evaluates the formulas with symbols, substitutes numbers, and compares; requirements that are claims, too."""
    layer, free_xs = case.layer, with_symbols(case.xs)
    y, claims, ops = (
        layer.shape(*free_xs),
        list(layer.requires(*free_xs)),
        closed_ops(layer, layer.shape(*free_xs), free_xs),
    )
    weights = [weight.shape for weight in layer.weights(*free_xs)]
    shared = any(isinstance(n, Expr) for n in longest(free_xs)) or not longest(free_xs)
    for xs in (case.xs, *(resized(case.xs) if shared else ())):
        values = values_of(xs)
        if not all(n >= 1 for x in xs for n in x.spatial):
            continue
        sound = not unmet(layer, xs)
        assert all(bool(at(holds, values)) for holds, _ in claims) == sound
        if sound:
            assert at(y.shape, values) == layer.shape(*xs).shape
            assert [at(shape, values) for shape in weights] == [weight.shape for weight in layer.weights(*xs)]
            plain = layer.ops(layer.shape(*xs), *xs)
            assert ops is None or {k: at(v, values) for k, v in ops.items()} == {k: getattr(plain, k) for k in ops}


# --- receptive field ----------------------------------------------------------------------------------------------


def axes(case: Case) -> list[tuple[int, int]]:
    """(input, axis) for every spatial axis of every input."""
    return [(i, axis) for i, x in enumerate(case.xs) for axis in range(x.rank)]


WORK = 5e8
"""The approximate number of operations per axis of an example that dye may take in every run; `make zoo` has six times
as many."""


def probes(case: Case, n: int, work: float) -> list[int]:
    """The elements of an axis that get dye: all, or, if each is expensive, those at the borders and in the middle."""
    cost = 1 + case.example.macs + 10 * (case.example.y.numel + sum(x.numel for x in case.xs))
    some = max(2, min(8, int(work / 3 / cost)))
    if cost * n < work or n <= 3 * some:
        return list(range(n))
    middle = n // 2
    return sorted({*range(some), *range(middle - some // 2, middle + some // 2), *range(n - some, n)})


def along(dyed: Tensor, y: Volume, axis: int) -> Any:
    """What dye reached at each place of one axis of the output; all of it as one place where there is no axis."""
    kept = axis + (1 if y.channels_last else 2)
    found: Any = dyed.numpy()  # whose `any` is many times as fast, and fastest from the outermost axis inwards
    for d in range(1, found.ndim):
        found = found if d == kept else found.any(axis=d, keepdims=True)
    return found.reshape(len(found), -1)


each_axis = pytest.mark.parametrize(
    ("case", "source", "axis"),
    [
        pytest.param(each.values[0], source, axis, id=f"{each.id}-x{source}-axis{axis}")
        for each in COMPARABLE
        for source, axis in axes(cast(Case, each.values[0]))
    ],
)


@each_axis
@pytest.mark.parametrize("work", [WORK, pytest.param(6 * WORK, marks=pytest.mark.zoo)], ids=["some", "more"])
def test_dye_reaches_what_the_windows_reach(case: Case, source: int, axis: int, work: float) -> None:
    """Compares every probed input element with every output element; NaN also survives saturating functions."""
    layer, y, n = case.layer, case.example.y, case.xs[source].spatial[axis]
    elements = probes(case, n, work)
    dyed = reached(layer, case.xs, source, axis, elements)
    if layer.carries is not None and source >= layer.carries:
        assert not dyed.any(), "an input that only lends its size was read"
        return
    windows = layer.windows_of_inputs(*case.xs)[source]
    if isinstance(windows[axis], MixedWindow):
        assert dyed.any(), "no field is stated, but something is read"
        return
    if isinstance(windows[axis], ChosenWindow):
        assert dyed.any(), "values decide what is read, but something is"
        return
    place = place_of(windows, axis, y)
    found, lost = along(dyed, y, place), dict[int, list[int]]()
    for i in range(found.shape[1]):
        reach = range(n) if windows[axis].whole else windows[axis].reach(i)
        if any(0 <= element < n for element in reach):  # an output that reads only padding may have any value
            seen = [element for element, dye in zip(elements, found[:, i].tolist(), strict=True) if dye]
            expected = [element for element in elements if element in reach]
            assert set(seen) <= set(expected), f"output element {i}"
            lost |= {i: expected} if seen != expected else {}
    for way in ({"nan": True}, {"below": True}) if lost else ():
        again = along(reached(layer, case.xs, source, axis, elements, **way), y, place)
        for i, expected in list(lost.items()):
            found[:, i] |= again[:, i]
            seen = [element for element, dye in zip(elements, found[:, i].tolist(), strict=True) if dye]
            assert set(seen) <= set(expected), f"output element {i}"
            if seen == expected:
                del lost[i]
        if not lost:
            break
    assert not lost, f"output elements {[*lost]} read less"


def place_of(windows: Sequence[AnyWindow], axis: int, y: Volume) -> int:
    """The axis of an output along which the window on an axis of the input slides."""
    onto = windows[axis].onto
    return onto if onto is not None else axis if y.rank == len(windows) else 0


@each_comparable
def test_windows_give_the_output_size(case: Case) -> None:
    """If the axes are kept, the receptive field and the output size follow from the same windows."""
    windows, y = case.layer.windows(*case.xs), case.example.y
    own = case.xs[: len(case.xs) - len(list(case.layer.references()))]
    assert len(windows) == max((x.rank for x in own), default=0)
    if own and y.rank == len(windows):
        sizes = max((x.spatial for x in own[: case.layer.carries]), key=len)
        made = [y.spatial[place_of(windows, axis, y)] for axis in range(len(windows))]
        assert all(w is IDENTITY or w.slide(n) == o for w, n, o in zip(windows, sizes, made, strict=True))


# --- the examples themselves --------------------------------------------------------------------------------------


@each_layer
def test_examples_give_every_field_a_value_other_than_its_default(kind: str) -> None:
    """Those of a parametrization are alike in all layers: test_parametrized.py has them for each."""
    layer = LAYERS[kind]
    own = [each for each in fields_of(layer) if each.name not in Parametrized.__annotations__]
    exercised = {f.name for f in own for e in layer.examples if e.given.get(f.name, f.default) != f.default}
    assert exercised == {f.name for f in own}


@each_layer
def test_examples_cover_every_rank_and_name_a_source(kind: str) -> None:
    layer = LAYERS[kind]
    assert {x.rank for e in layer.examples for x in e.xs[:1]} >= set(layer.ranks)
    assert any(e.source for e in layer.examples), "no example has a published source"


@each_layer
def test_documentation_starts_with_a_sentence_and_names_its_source(kind: str) -> None:
    about = LAYERS[kind].__doc__ or ""
    assert about.split("\n")[0].endswith("."), "the first line is a complete sentence"
    assert "Source" in about
