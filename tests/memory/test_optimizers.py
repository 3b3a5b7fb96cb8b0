"""Compares every optimizer with torch: its state, and the allocations of a step, event by event. Tests that apply to
all optimizers name none.

To add a variant, add its fields to VARIANTS; an optimizer without variants is tested with its defaults.
"""

import gc
import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import groupby
from typing import Any, cast

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archcalc.core.diagnostic import SpecError
from archcalc.core.dim import free, number_at
from archcalc.core.release import numbers
from archcalc.core.volume import ITEMSIZE
from archcalc.core.weight import Weight
from archcalc.memory import optimizers  # noqa: F401  every file in it registers itself
from archcalc.memory.optimizer import IMPLEMENTATIONS, OPTIMIZERS, Optimizer, learned, read_optimizer, written
from archcalc.memory.optimizer_memory import state_bytes, step_peak, temporaries
from archcalc.memory.statements import Change
from archcalc.verification import release
from archcalc.verification.memory.stream import events, recorded
from docs.__main__ import FOLDER

WARM = 6
"""Steps before the measured one: the adaptive rate of RAdam starts at the sixth."""

VARIANTS: dict[str, tuple[str, ...]] = {
    "sgd": (
        "sgd(weight_decay=0.1)",
        "sgd(momentum=0.9)",
        "sgd(momentum=0.9, weight_decay=0.1, dampening=0.5)",
        "sgd(momentum=0.9, nesterov=true)",
        "sgd(momentum=0.9, nesterov=true, weight_decay=0.1)",
        "sgd(maximize=true, momentum=0.9, weight_decay=0.1)",
        "sgd(maximize=true)",
    ),
    "adam": (
        "adam(weight_decay=0.1)",
        "adam(amsgrad=true, maximize=true, weight_decay=0.1)",
        "adam(decoupled_weight_decay=true, weight_decay=0.1)",
    ),
    "adamw": ("adamw(amsgrad=true, maximize=true)", "adamw(weight_decay=0)"),
    "nadam": ("nadam(weight_decay=0.1)", "nadam(maximize=true, decoupled_weight_decay=true, weight_decay=0.1)"),
    "radam": (
        "radam(weight_decay=0.1)",
        "radam(maximize=true, decoupled_weight_decay=true, weight_decay=0.1)",
        "radam(betas=[0.9, 0.5])",
    ),
    "adamax": ("adamax(weight_decay=0.1)", "adamax(maximize=true)", "adamax(maximize=true, weight_decay=0.1)"),
    "rmsprop": (
        "rmsprop(momentum=0.9, centered=true)",
        "rmsprop(centered=true, weight_decay=0.1)",
        "rmsprop(momentum=0.9, maximize=true, weight_decay=0.1)",
    ),
    "adagrad": (
        "adagrad(weight_decay=0.1, lr_decay=0.1)",
        "adagrad(maximize=true)",
        "adagrad(maximize=true, weight_decay=1)",
    ),
    "adadelta": ("adadelta(weight_decay=0.1)", "adadelta(maximize=true, weight_decay=0.1)"),
    "adafactor": ("adafactor(weight_decay=0.1)", "adafactor(maximize=true, weight_decay=0.1)"),
    "rprop": ("rprop(maximize=true)",),
    "muon": ("muon(nesterov=false)", "muon(ns_steps=1)", "muon(weight_decay=0, ns_steps=2)"),
}
SHAPES: tuple[tuple[int, ...], ...] = ((8, 3, 7, 5), (64,), (), (24, 10), (1, 1), (10, 24), (1,), (6, 5, 1))
DTYPES = ("float32", "bfloat16", "float64")


@dataclass(frozen=True)
class Case:
    """One implementation of one optimizer."""

    text: str
    implementation: str

    @property
    def optimizer(self) -> Optimizer:
        return read_optimizer(self.text)

    def __str__(self) -> str:
        return f"{self.text}-{self.implementation}"


TEXTS = [text for name in OPTIMIZERS for text in (name, *VARIANTS.get(name, ()))]
CASES = [Case(text, each) for text in TEXTS for each in read_optimizer(text).implementations]
AVAILABLE = [case for case in CASES if numbers(torch.__version__) >= numbers(case.optimizer.needs)]
each_case = pytest.mark.parametrize("case", CASES, ids=str)
each_optimizer = pytest.mark.parametrize("text", TEXTS)


@pytest.fixture(autouse=True, scope="module")
def _swift() -> Iterator[None]:
    """Uses one thread for these small tensors, and freezes torch's own objects, because every measurement collects
    garbage first.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    Training(CASES[0], [Weight("w", (1,))]).changes()
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    torch.set_num_threads(threads)


def check(optimizer: Optimizer) -> None:
    """Raises OlderTorch where this torch has no such optimizer."""
    release.check(optimizer.needs, optimizer.name)


def weights_of(shapes: Sequence[tuple[int, ...]], dtypes: Sequence[str], optimizer: Optimizer) -> list[Weight]:
    """Weights of these shapes that the optimizer accepts; dtypes alternate."""
    made = [Weight(f"w{i}", shape, dtype=dtypes[i % len(dtypes)]) for i, shape in enumerate(shapes)]
    return [weight for weight in made if all(holds for holds, _ in optimizer.requires([weight]))]


@dataclass
class Training:
    """The weights as torch parameters with gradients, and the optimizer built from its generated source."""

    case: Case
    weights: Sequence[Weight]
    parameters: list[torch.nn.Parameter] = field(init=False)
    optimizer: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        check(self.case.optimizer)
        torch.manual_seed(0)
        self.parameters = [
            torch.nn.Parameter(torch.randn(w.shape).to(getattr(torch, w.dtype)), requires_grad=w.trainable)
            for w in self.weights
        ]
        for parameter in self.parameters:
            parameter.grad = torch.randn_like(parameter) if parameter.requires_grad else None
        text = written(self.case.optimizer.call(self.case.implementation), "weights")
        trained = [parameter for parameter in self.parameters if parameter.requires_grad]
        self.optimizer = eval(text, {"torch": torch, "weights": trained})

    def step(self, times: int = 1) -> "Training":
        for _ in range(times):
            self.optimizer.step()
        return self

    def changes(self) -> list[Change]:
        """The allocator's events during one more step."""
        happened = events(recorded(self.optimizer.step))
        return [Change(event.size, event.workspace) for event in happened if event.size]


# --- state -----------------------------------------------------------------------------------------------------------


@each_case
@pytest.mark.parametrize("dtype", DTYPES)
def test_state_equals_that_of_torch(case: Case, dtype: str) -> None:
    optimizer = case.optimizer
    weights = weights_of(SHAPES, [dtype], optimizer)
    training = Training(case, weights).step()
    measured = 0
    for weight, parameter in zip(weights, training.parameters, strict=True):
        kept = training.optimizer.state[parameter]
        stated = {s.name: (s.tensor.shape, f"torch.{s.tensor.dtype}") for s in optimizer.state(weight)}
        assert list(stated.items()) == [(name, (tuple(t.shape), str(t.dtype))) for name, t in kept.items()]
        measured += sum(t.untyped_storage().nbytes() for t in kept.values())
    assert state_bytes(optimizer, weights) == measured


def test_only_trained_weights_have_state() -> None:
    weights = [
        Weight("weight", (3, 5)),
        Weight("frozen", (7, 5), trainable=False),
        Weight("running_mean", (9,), buffer=True),
        Weight("tied", (3, 5), shared_with="weight"),
    ]
    assert [weight.name for weight in learned(weights)] == ["weight"]
    assert state_bytes(read_optimizer("adamw"), weights) == 2 * 4 * 15 + 4


@each_optimizer
def test_state_has_a_closed_form(text: str) -> None:
    """The same formula with a symbol for a length, and then a number substituted."""
    optimizer = read_optimizer(text)
    closed = state_bytes(optimizer, [Weight("w", (free("n"), 5))])
    assert number_at(closed, {"n": 7}) == state_bytes(optimizer, [Weight("w", (7, 5))])


# --- allocations of a step -------------------------------------------------------------------------------------------


def in_order(changes: Sequence[Change]) -> Iterator[tuple[int, ...]]:
    """Allocations one by one; consecutive releases as one group, because their order depends on Python."""
    for released, run in groupby((change.size for change in changes), lambda size: size < 0):
        sizes = list(run)
        yield tuple(sorted(sizes) if released else sizes)


def of_tensors(changes: Sequence[Change]) -> list[Change]:
    return [change for change in changes if not change.workspace]


def assert_steps_agree(case: Case, weights: Sequence[Weight]) -> None:
    """Compares every event in order, including predicted workspaces, and the resulting peaks."""
    optimizer = case.optimizer
    weights = [weight for weight in weights if not optimizer.depends(weight)]
    stated = list(temporaries(optimizer, weights, case.implementation))
    training = Training(case, weights)
    happened = training.step(WARM).changes()
    assert list(in_order(of_tensors(stated))) == list(in_order(of_tensors(happened)))
    if optimizer.unpredicted:
        stated, happened = of_tensors(stated), of_tensors(happened)
    assert list(in_order(stated)) == list(in_order(happened))
    assert sum(change.size for change in stated) == 0
    for workspaces in {False, not optimizer.unpredicted}:
        level = peak = 0
        for change in happened:
            level += change.size if workspaces or not change.workspace else 0
            peak = max(peak, level)
        assert step_peak(optimizer, weights, case.implementation, workspaces=workspaces) == peak


@each_case
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_step_allocates_the_predicted_bytes(case: Case, dtype: str) -> None:
    assert_steps_agree(case, weights_of(SHAPES, [dtype], case.optimizer))


@each_case
def test_a_step_over_several_dtypes(case: Case) -> None:
    assert_steps_agree(case, weights_of(SHAPES, ["bfloat16", "float64", "float32"], case.optimizer))


lengths = st.integers(1, 9)
shapes = st.lists(st.lists(lengths, max_size=4).map(tuple), min_size=1, max_size=6)


def some_weights(case: Case, drawn: Sequence[tuple[int, ...]], dtypes: Sequence[str], frozen: int) -> list[Weight]:
    """Weights that the optimizer accepts; the one with index `frozen`, if any, is frozen."""
    optimizer = case.optimizer
    taken = [weight for weight in weights_of(drawn, dtypes, optimizer) if not optimizer.depends(weight)]
    weights = taken or [Weight("w", (3, 4), dtype=dtypes[0])]
    return [replace(weight, trainable=i != frozen or len(weights) == 1) for i, weight in enumerate(weights)]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(AVAILABLE), shapes, st.lists(st.sampled_from(DTYPES), min_size=1, max_size=3), st.integers(0, 5))
def test_any_weights(case: Case, drawn: list[tuple[int, ...]], dtypes: list[str], frozen: int) -> None:
    assert_steps_agree(case, some_weights(case, drawn, dtypes, frozen))


@pytest.mark.fuzz
@settings(max_examples=1000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(AVAILABLE), shapes, st.lists(st.sampled_from(DTYPES), min_size=1, max_size=3), st.integers(0, 5))
def test_any_weights_at_length(case: Case, drawn: list[tuple[int, ...]], dtypes: list[str], frozen: int) -> None:
    assert_steps_agree(case, some_weights(case, drawn, dtypes, frozen))


@pytest.mark.fuzz
@each_case
@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_large_enough_for_several_threads(case: Case, dtype: str) -> None:
    torch.set_num_threads(2)
    try:
        assert_steps_agree(case, weights_of([(300, 700), (100_000,), (700, 300)], [dtype], case.optimizer))
    finally:
        torch.set_num_threads(1)


# --- the table of docs/optimizers.md, and independent measurements ---------------------------------------------------

ROWS = re.findall(r"^\| `(\w.*?)` \| (.*) \|$", (FOLDER / "optimizers.md").read_text(), re.MULTILINE)
COLUMNS = ("state", *IMPLEMENTATIONS)


def greatest(cell: str, tensors: Sequence[int], itemsize: int) -> int:
    """The value of a cell of the table, the maximum over all weights; `tensors`: their bytes."""
    known = {"P": sum(tensors), "k": len(tensors), "max": max}
    found = []
    for prev, p in zip((0, *tensors), tensors, strict=False):
        found.append(int(eval(cell, known | {"p": p, "prev": prev, "n": p // itemsize, "e": itemsize})))
    return max(found)


@pytest.mark.parametrize(("text", "cells"), ROWS, ids=[text for text, _ in ROWS])
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(drawn=shapes, dtype=st.sampled_from(DTYPES))
def test_the_documented_table_is_correct(text: str, cells: str, drawn: list[tuple[int, ...]], dtype: str) -> None:
    optimizer = read_optimizer(text)
    weights = [weight for weight in weights_of(drawn, [dtype], optimizer) if not optimizer.depends(weight)]
    weights = weights or [Weight("w", (2, 3), dtype=dtype)]
    tensors = [weight.numel * ITEMSIZE[dtype] for weight in weights]
    for column, cell in zip(COLUMNS, cells.replace("`", "").split(" | "), strict=True):
        if column == "state":
            assert state_bytes(optimizer, weights) == greatest(cell, tensors, ITEMSIZE[dtype])
        elif cell == "-":
            assert column not in optimizer.implementations
        else:
            peak = step_peak(optimizer, weights, column)
            assert peak == greatest(cell, tensors, ITEMSIZE[dtype]), (column, cell)


def test_every_optimizer_is_documented() -> None:
    page = (FOLDER / "optimizers.md").read_text()
    assert [name for name in OPTIMIZERS if f"`{name}`" not in page] == []


MEASURED = [
    ("adamw", "foreach", 1.0),
    ("rmsprop(momentum=0.9, centered=true)", "foreach", 1.0),
    ("adagrad", "foreach", 2.0),
    ("adadelta", "foreach", 2.0),
    ("nadam", "foreach", 1.0),
    ("radam", "foreach", 1.0),
    ("adamax", "foreach", 1.0),
    ("adafactor", "foreach", 1.0),
    ("rprop", "foreach", 1.5),
    ("sgd(weight_decay=0.1)", "foreach", 1.0),
    ("adamw", "fused", 0.0),
]


@pytest.mark.parametrize(("text", "implementation", "ratio"), MEASURED)
def test_ratios_to_all_weights_as_first_measured(text: str, implementation: str, ratio: float) -> None:
    """The first measurements, on the same weights."""
    listed = [(512, 512), (512,), (256, 512), (1000, 256), (1000,), (64, 3, 7, 7)]
    weights = [Weight(f"w{i}", shape) for i, shape in enumerate(listed)]
    peak = step_peak(read_optimizer(text), weights, implementation)
    assert peak / sum(4 * weight.numel for weight in weights) == pytest.approx(ratio, abs=0.05)


def test_a_whole_vision_transformer() -> None:
    """ViT-B/16 has 86,567,656 parameters; parameters, gradients, two averages and foreach's list are 5 times that."""
    weight = Weight("all", (86_567_656,))
    adamw = read_optimizer("adamw")
    assert 2 * 4 * weight.numel + state_bytes(adamw, [weight]) + step_peak(adamw, [weight], "foreach") == 1_731_353_124


# --- the constructor, and how an optimizer is read -------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fields_and_defaults_equal_those_of_torch(name: str) -> None:
    optimizer = OPTIMIZERS[name]
    check(read_optimizer(VARIANTS.get(name, (name,))[-1]))
    theirs = inspect.signature(getattr(torch.optim, optimizer.target.removeprefix("torch.optim."))).parameters
    own = {f.name: f.default for f in fields(cast(Any, optimizer))}
    assert own == {name: theirs[name].default for name in own}
    assert theirs.keys() - own.keys() <= {"params", "foreach", "fused", "capturable", "differentiable"}
    assert optimizer.implementations == tuple(each for each in IMPLEMENTATIONS if each in theirs or each == "forloop")


@each_optimizer
def test_torch_uses_the_for_loop_on_a_cpu(text: str) -> None:
    case = Case(text, "")
    weights = weights_of(SHAPES, ["float32"], case.optimizer)
    weights = [weight for weight in weights if not case.optimizer.depends(weight)]
    stated = of_tensors(list(temporaries(case.optimizer, weights, "forloop")))
    assert list(in_order(stated)) == list(in_order(of_tensors(Training(case, weights).step(WARM).changes())))


def test_an_implementation_that_torch_does_not_have() -> None:
    with pytest.raises(ValueError, match="adamax has no fused implementation in torch"):
        step_peak(read_optimizer("adamax"), [], "fused")


REFUSED = [
    "sgd(lr=-1)",
    "sgd(nesterov=true)",
    "sgd(momentum=0.9, dampening=0.1, nesterov=true)",
    "adam(betas=[1, 0.9])",
    "adamw(eps=-1)",
    "nadam(momentum_decay=-1)",
    "rmsprop(alpha=-1)",
    "adagrad(initial_accumulator_value=-1)",
    "adadelta(rho=2)",
    "adafactor(d=0.5)",
    "adafactor(beta2_decay=1)",
    "rprop(etas=[1.5, 2])",
    "muon(momentum=-1)",
]


@pytest.mark.parametrize("text", REFUSED)
def test_torch_also_refuses_refused_fields(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_optimizer(text)
    assert [each.code for each in caught.value.diagnostics] == ["AC124"]
    check(read_optimizer(text.partition("(")[0]))
    target = OPTIMIZERS[text.partition("(")[0]].target
    source = text.replace(text.partition("(")[0] + "(", f"{target}([torch.zeros(2, 2)], ", 1)
    with pytest.raises(ValueError, match=r"nvalid|should|Nesterov"):
        eval(source.replace("true", "True"), {"torch": torch})


WRONG = [
    ("adamv", "there is no optimizer named 'adamv'", "did you mean 'adam'?"),
    ("sgd(momentun=0.9)", "unknown argument 'momentun' of sgd", "did you mean 'momentum'?"),
    (
        "sgd(0.1, 0.9)",
        "sgd takes 1 positional argument (lr), got 2",
        "name the argument: momentum=0.9 or dampening=0.9 or weight_decay=0.9",
    ),
    ("adam(betas=0.9)", "betas must be a list of 2 entries, got 0.9", ""),
    ("sgd(nesterov=1)", "nesterov must be true or false, got 1", ""),
    ("adam -> adam", "expected one optimizer", "sgd(0.1, momentum=0.9)"),
    ("2 * adam", "", ""),
    ("", "", ""),
]


@pytest.mark.parametrize(("text", "message", "help"), WRONG)
def test_a_wrong_text_is_refused_with_a_message(text: str, message: str, help: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_optimizer(text)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.location is not None
    if message:
        assert (diagnostic.message, diagnostic.help) == (message, help)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        read_optimizer("sgd(momentun=0.9, nesterov=3, lr=same)")
    assert len(caught.value.diagnostics) == 3


def test_muon_supports_matrices_only() -> None:
    wrong = [message for holds, message in read_optimizer("muon").requires([Weight("bias", (3,))]) if not holds]
    assert wrong == ["muon supports matrices only, but bias has 1 axes"]


def test_a_call_as_source() -> None:
    sgd = read_optimizer("sgd(0.1, momentum=0.9, nesterov=true)")
    assert written(sgd.call()) == "torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, nesterov=True)"
    assert written(sgd.call("forloop"), "w").endswith("foreach=False)")
    assert written(sgd.call("fused"), "w").endswith("fused=True)")
    assert repr(sgd) == "sgd(lr=0.1, momentum=0.9, nesterov=True)"
