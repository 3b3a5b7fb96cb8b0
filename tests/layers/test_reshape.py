"""Other sizes for the same values: random ones against torch.reshape, and those that do not fit are refused."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc import load_text, report_of
from archcalc.core.diagnostic import SpecError
from archcalc.core.dim import free
from archcalc.core.volume import Volume
from archcalc.layer import Example, Sizes
from archcalc.layers.reshape import REST, Reshape
from tests.layers import test_layers as generic
from tests.layers.test_layers import Case
from tests.memory.footprints import peaks
from tests.memory.test_kernel_peaks import between
from tests.torch_oracle import applied


def merged(parts: list[int], cuts: list[bool]) -> list[int]:
    """The products of runs of parts: a new run begins where `cuts` says so."""
    found = parts[:1]
    for part, cut in zip(parts[1:], cuts[1:], strict=True):
        if cut:
            found.append(part)
        else:
            found[-1] *= part
    return found


@st.composite
def reshapes(draw: st.DrawFn) -> Case:
    """Axes of common parts on both sides, at most four of them; one size of the output may be left open."""
    parts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    cuts = st.lists(st.booleans(), min_size=len(parts), max_size=len(parts))
    taken, made = merged(parts, draw(cuts)), merged(parts, draw(cuts))
    last = len(taken) > 1 and draw(st.booleans())
    features, spatial = (taken[-1], taken[:-1]) if last else (taken[0], taken[1:])
    x = Volume(features, tuple(spatial), 2, channels_last=last)
    open_ = draw(st.integers(0, len(made)))
    options: dict[str, Any] = {
        "sizes": Sizes(REST if i == open_ else n for i, n in enumerate(made)),
        "features": draw(st.sampled_from([None, "first", "last"])),
    }
    return Case("reshape", Example(given=options, x=x, y=Reshape(**options).shape(x)))


@settings(max_examples=60, derandomize=True, deadline=None)
@given(reshapes())
def test_values_and_bytes_are_those_of_torch(case: Case) -> None:
    (x,), layer = case.xs, case.layer
    assert [message for holds, message in layer.requires(x) if not holds] == []
    values = torch.arange(float(x.numel)).reshape(x.shape)
    made = applied(layer, (x,), "cpu")(values)
    assert torch.equal(made, values.reshape(2, *case.example.given["sizes"]))
    assert tuple(made.shape) == case.example.y.shape
    generic.test_closed_forms_equal_the_numeric_results(case)
    generic.test_windows_give_the_output_size(case)
    for axis in range(x.rank):
        generic.test_dye_reaches_what_the_windows_reach(case, 0, axis, 1e6)
    if x.rank <= 3 and case.example.y.rank <= 3:
        assert set(peaks(between(layer, case.xs)).values()) == {0}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("reshape(5, -1)", "192 elements of [3, 8, 8] do not make 5 x -1"),
        ("reshape(3, 65)", "192 elements of [3, 8, 8] do not make 3 x 65"),
        ("reshape(-1, -1)", "only one size can be -1"),
        ("reshape(0, 192)", "sizes must be at least 1, or -1 for what the others leave, got 0"),
        ("reshape(3, 2, 2, 2, 8)", "reshape takes 1 to 4 sizes, got 5"),
        ("reshape", "reshape needs sizes"),
        ("reshape(3, 6.4)", "sizes must be a whole number, got 6.4"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(call: str, message: str) -> None:
    with pytest.raises(SpecError) as error:
        load_text(f"archcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - {call}\n")
    assert any(message in each.message for each in error.value.diagnostics), error.value.diagnostics


def test_sizes_may_be_symbols() -> None:
    h, w = free("H"), free("W")
    assert Reshape(sizes=Sizes((3, -1))).shape(Volume(3, (h, w))).spatial == (h * w,)
    assert str(Reshape(sizes=Sizes((-1, 7, 7))).shape(Volume(free("F"))).channels) == "⌊F/49⌋"


def test_the_generator_of_a_tutorial_has_its_parameters() -> None:
    """The DCGAN of TensorFlow's tutorial: 2,305,472 trainable parameters, as Keras counts them."""
    network = load_text(
        """
archcalc: 1
input: [100]
layers:
  - fc(12544, bias=false) -> batchnorm -> leaky_relu -> reshape(256, 7, 7)
  - upconv(5, 128, p2, bias=false) -> batchnorm -> leaky_relu
  - upconv(5, 64, s2, p2, output_padding=1, bias=false) -> batchnorm -> leaky_relu
  - upconv(5, 1, s2, p2, output_padding=1, bias=false) -> tanh
"""
    )
    assert report_of(network).totals["params"] == 2_305_472


@pytest.mark.parametrize(
    ("input", "sizes", "then", "features"),
    [
        ("[64]", "4, 16", "linear(3)", "last"),
        ("[64]", "4, 16", "attention(4)", "last"),
        ("{shape: [64, 4], channels_last: true}", "8, 32", "conv1d(3, 3)", "first"),
    ],
)
def test_a_layer_that_needs_the_features_at_the_other_end_says_how_to_put_them_there(
    input: str, sizes: str, then: str, features: str
) -> None:
    with pytest.raises(SpecError) as caught:
        load_text(f"archcalc: 1\ninput: {input}\nlayers: [reshape({sizes}) -> {then}]\n")
    (problem,) = caught.value.diagnostics
    assert problem.help is not None
    assert problem.help.endswith(f"reshape({sizes}, features={features})")
    load_text(f"archcalc: 1\ninput: {input}\nlayers: [reshape({sizes}, features={features}) -> {then}]\n")
