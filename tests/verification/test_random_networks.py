"""Compares random networks with torch on the meta device: whether they are accepted, shapes, parameters and MACs.

The torch network is built directly from the random description with torch.nn, so it shares no code with our layers or
our generated source. `make fuzz` runs ten times as many networks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.graph import Graph
from archcalc.graph.loading import load_text
from archcalc.measure import MEASURES
from archcalc.spec.document import read_document
from archcalc.verification import verify

Step = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Network:
    """A chain of layers and merges; a merge is ("add" or "concat", {"paths": [chain, ...]})."""

    shape: tuple[int, ...]
    chain: tuple[Step, ...]

    @property
    def rank(self) -> int:
        return len(self.shape) - 1

    def spec(self) -> str:
        lines = ["archcalc: 1", "name: random", f"input: {list(self.shape)}", "layers:"]
        return "\n".join([*lines, *written(self.chain, 2)]) + "\n"


def written(chain: tuple[Step, ...], indent: int) -> list[str]:
    """The chain in mapping form, with all arguments named."""
    lines: list[str] = []
    for kind, given_ in chain:
        if "paths" in given_:
            lines.append(f"{' ' * indent}- {kind}:")
            for path in given_["paths"]:
                inner = written(path, 0)
                if not inner:
                    lines.append(f"{' ' * indent}    - prev")
                    continue
                lines.append(f"{' ' * indent}    -")
                lines += [f"{' ' * (indent + 6)}{line}" for line in inner]
            continue
        arguments = ", ".join(f"{key}: {yaml_value(value)}" for key, value in given_.items())
        lines.append(f"{' ' * indent}- {kind}: {{{arguments}}}")
    return lines


def yaml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(list(value)) if isinstance(value, tuple) else str(value)


# --- drawing ------------------------------------------------------------------------------------------------------


@cache
def per_axis(rank: int, values: st.SearchStrategy[int]) -> st.SearchStrategy[int | tuple[int, ...]]:
    return st.one_of(values, st.tuples(*[values] * rank))


@st.composite
def convolution(draw: st.DrawFn, rank: int) -> Step:
    given_ = {
        "kernel_size": draw(per_axis(rank, st.integers(1, 4))),
        "out_channels": draw(st.sampled_from([1, 2, 4, 6, 8, 12])),
        "stride": draw(per_axis(rank, st.integers(1, 3))),
        "padding": draw(per_axis(rank, st.integers(0, 3))),
        "dilation": draw(per_axis(rank, st.sampled_from([1, 1, 2, 3]))),
        "groups": draw(st.sampled_from([1, 1, 1, 2, 3, 4])),
        "bias": draw(st.booleans()),
    }
    return "conv", given_


@st.composite
def transposed(draw: st.DrawFn, rank: int) -> Step:
    given_ = {
        "kernel_size": draw(per_axis(rank, st.integers(1, 4))),
        "out_channels": draw(st.sampled_from([1, 2, 4, 6])),
        "stride": draw(per_axis(rank, st.integers(1, 3))),
        "padding": draw(per_axis(rank, st.integers(0, 2))),
        "output_padding": draw(st.sampled_from([0, 0, 0, 1])),
        "dilation": draw(st.sampled_from([1, 1, 2])),
        "groups": draw(st.sampled_from([1, 1, 2])),
        "bias": draw(st.booleans()),
    }
    return "upconv", given_


@st.composite
def pooling(draw: st.DrawFn, rank: int) -> Step:
    kind = draw(st.sampled_from(["maxpool", "avgpool"]))
    given_ = {
        "kernel_size": draw(per_axis(rank, st.integers(1, 4))),
        "stride": draw(per_axis(rank, st.integers(1, 3))),
        "padding": draw(st.integers(0, 2)),
        "ceil_mode": draw(st.booleans()),
    }
    if kind == "maxpool":
        given_["dilation"] = draw(st.sampled_from([1, 1, 1, 2]))
    else:
        given_["count_include_pad"] = draw(st.booleans())
    return kind, given_


POINTWISE: tuple[Step, ...] = (
    ("relu", {}),
    ("batchnorm", {}),
    ("tanh", {}),
    ("relu6", {}),
    ("gelu", {"approximate": "tanh"}),
    ("hardswish", {}),
    ("prelu", {"init": 0.1}),
    ("lrn", {"size": 3}),
    ("dropout", {"p": 0.3}),
)


@st.composite
def pointwise(draw: st.DrawFn) -> Step:
    return draw(st.sampled_from(POINTWISE))


@cache  # a strategy that is made anew is checked anew
def layer(rank: int) -> st.SearchStrategy[Step]:
    return st.one_of(convolution(rank), pooling(rank), transposed(rank), pointwise())


@st.composite
def join(draw: st.DrawFn, rank: int) -> Step:
    """Branches that usually fit: 'same' sizes, one width, and sometimes an additional layer."""
    width = draw(st.sampled_from([2, 4, 6]))

    def keeping(kernel: int) -> Step:
        return "conv", {"kernel_size": kernel, "out_channels": width, "padding": kernel // 2, "bias": True}

    paths = [[keeping(draw(st.sampled_from([1, 3])))] for _ in range(draw(st.integers(2, 3)))]
    if draw(st.booleans()):
        paths[0].append(draw(layer(rank)))
    kind = draw(st.sampled_from(["add", "concat"]))
    if draw(st.booleans()):
        paths.append([])
    return kind, {"paths": [tuple(path) for path in paths]}


@st.composite
def networks(draw: st.DrawFn) -> Network:
    rank = draw(st.integers(1, 3))
    sizes = st.integers(1, {1: 64, 2: 24, 3: 12}[rank])
    shape = (draw(st.sampled_from([1, 2, 3, 4, 6, 8])), *(draw(sizes) for _ in range(rank)))
    chain = draw(st.lists(st.one_of(layer(rank), layer(rank), join(rank)), min_size=1, max_size=5))
    head = draw(st.sampled_from([(), (("fc", {"out_features": 5}),), (("adaptive_avgpool", {"output_size": 2}),)]))
    return Network(shape, (*chain, *head))


# --- the torch side -----------------------------------------------------------------------------------------------


@dataclass
class Measured:
    """Torch's results for a network: shapes in execution order, parameters, FLOPs."""

    shapes: list[tuple[int, ...]]
    params: int = 0
    flops: int = 0


def module(kind: str, given_: dict[str, Any], x: Tensor) -> nn.Module:
    rank, channels = x.dim() - 2, x.shape[1]
    if kind == "conv":
        return getattr(nn, f"Conv{rank}d")(channels, **given_)  # type: ignore[no-any-return]
    if kind == "upconv":
        return getattr(nn, f"ConvTranspose{rank}d")(channels, **given_)  # type: ignore[no-any-return]
    named: dict[str, Callable[[], nn.Module]] = {
        "maxpool": lambda: getattr(nn, f"MaxPool{rank}d")(**given_),
        "avgpool": lambda: getattr(nn, f"AvgPool{rank}d")(**given_),
        "adaptive_avgpool": lambda: getattr(nn, f"AdaptiveAvgPool{rank}d")(**given_),
        "batchnorm": lambda: getattr(nn, f"BatchNorm{rank}d")(channels),
        "relu": nn.ReLU,
        "tanh": nn.Tanh,
        "relu6": nn.ReLU6,
        "gelu": lambda: nn.GELU(**given_),
        "hardswish": nn.Hardswish,
        "prelu": lambda: nn.PReLU(**given_),
        "dropout": lambda: nn.Dropout(**given_),
        "lrn": lambda: nn.LocalResponseNorm(**given_),
        "fc": lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(**given_)),
    }
    return named[kind]()


def run(chain: tuple[Step, ...], x: Tensor, measured: Measured) -> Tensor:
    """Builds and runs layer by layer; raises the exceptions of torch."""
    for kind, given_ in chain:
        if "paths" in given_:
            ends = [run(path, x, measured) for path in given_["paths"]]
            if kind == "add" and len({end.shape for end in ends}) > 1:
                raise ValueError("torch would broadcast, but a residual sum must not")
            x = sum(ends[1:], ends[0]) if kind == "add" else torch.cat(ends, dim=1)
        else:
            made = module(kind, given_, x).eval()
            x = made(x)
            measured.params += sum(p.numel() for p in made.parameters())
        measured.shapes.append(tuple(x.shape[1:]))
        if 0 in x.shape:
            raise ValueError("the output is empty")
    return x


def by_torch(network: Network) -> Measured | None:
    """Torch's results; None if torch refuses the network on meta or on the CPU, which is stricter."""
    measured, again = Measured([]), Measured([])
    counter = FlopCounterMode(display=False)
    try:
        with torch.device("meta"), counter:
            run(network.chain, torch.empty(1, *network.shape), measured)
        with torch.no_grad():
            run(network.chain, torch.zeros(1, *network.shape), again)
    except (RuntimeError, ValueError, IndexError):
        return None
    assert measured.shapes == again.shapes
    measured.flops = counter.get_total_flops()
    return measured


# --- the comparison -----------------------------------------------------------------------------------------------


def by_archcalc(network: Network) -> Graph | None:
    try:
        return load_text(network.spec())
    except SpecError as error:
        if all(d.code.startswith("AC2") for d in error.diagnostics):
            return None
        raise  # refused for a reason other than its shapes: a fault of the generator or the reader


def compare(network: Network) -> None:
    ours, theirs = by_archcalc(network), by_torch(network)
    event("accepted" if theirs else "refused")
    assert (ours is None) == (theirs is None), f"{'torch' if ours is None else 'archcalc'} accepts\n{network.spec()}"
    if ours is None or theirs is None:
        return
    assert [node.output.item_shape for node in ours] == theirs.shapes
    assert MEASURES["params"].total(ours) == theirs.params
    assert MEASURES["flops"].total(ours) == theirs.flops


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=200, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(networks())
def test_random_networks_agree_with_torch(network: Network) -> None:
    compare(network)


def verify_whole(network: Network) -> None:
    """Verifies the generated source of an accepted network, including receptive fields by dye."""
    if by_archcalc(network) is not None:
        certificate = verify(read_document(Source("<random>", network.spec())), device="cpu", sizes=4, memory=False)
        assert [row for row in certificate.rows if row.agrees is False] == [], network.spec()


@settings(max_examples=30, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(networks())
def test_random_networks_are_verified(network: Network) -> None:
    verify_whole(network)


@pytest.mark.fuzz
@settings(max_examples=2_000, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(networks())
def test_many_random_networks_are_verified(network: Network) -> None:
    verify_whole(network)


@pytest.mark.fuzz
@settings(max_examples=2_000, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(networks())
def test_many_random_networks_agree_with_torch(network: Network) -> None:
    compare(network)
