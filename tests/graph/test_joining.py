"""What to write where branches of different sizes meet: the help names the layer that made the difference, and a spec
that follows it can be built."""

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.graph.loading import load_text

HEAD = "archcalc: 1\ninput: [64, {n}, {n}]\nlayers:\n"
RESIDUAL = "  - add:\n      - {}\n      - {}\n"
UNET = """
  - conv(3, 8, p1) -> e1 = relu
  - maxpool(2) -> conv(3, 16, p1) -> e2 = relu
  - maxpool(2) -> conv(3, 16, p1) -> upconv(2, 16, s2)
  - concat: [prev, e2]
  - upconv(2, 8, s2)
  - concat: [prev, e1]
"""
VALID_UNET = """
  - conv(3, 8) -> e1 = relu
  - maxpool(2) -> conv(3, 8) -> upconv(2, 8, s2) -> u = relu
  - concat: [{}, u]
"""


def help_of(text: str) -> str:
    with pytest.raises(SpecError) as rejected:
        load_text(text)
    [only] = rejected.value.diagnostics
    assert only.code == "AC201"
    return only.help


@pytest.mark.parametrize("n", [56, 57])
@pytest.mark.parametrize(
    ("branch", "layer", "shortcut"),
    [
        ("conv(3, 64, s2, p1) -> relu -> conv(3, 64, p1)", "conv1 has stride 2", "conv(1, 64, s2)"),
        ("conv(3, 128, s2, p1) -> relu -> conv(3, 128, p1)", "conv1 has stride 2", "conv(1, 128, s2)"),
        ("conv(3, 64, s2, p1) -> conv(3, 64, s2, p1)", "conv1 and conv2 have strides of 4", "conv(1, 64, s4)"),
    ],
)
def test_a_stride_needs_a_projection_with_the_same_stride(n: int, branch: str, layer: str, shortcut: str) -> None:
    text = HEAD.format(n=n) + RESIDUAL
    found = help_of(text.format(branch, "prev"))
    assert found.startswith(layer)
    assert found.endswith(f"give input the same stride by a projection, {shortcut}")
    assert load_text(text.format(branch, shortcut)).nodes


def test_a_stride_that_drops_a_row_needs_a_window_that_drops_it_too() -> None:
    text = HEAD.format(n=15) + RESIDUAL
    assert help_of(text.format("maxpool(2)", "prev")).endswith("conv(2, 64, s2)")
    assert load_text(text.format("maxpool(2)", "conv(2, 64, s2)")).nodes


@pytest.mark.parametrize(
    ("branch", "padded", "said"),
    [
        ("conv(3, 64)", "conv(3, 64, padding=same)", "conv1 has too little padding: padding=same"),
        ("conv(4, 64)", "conv(4, 64, padding=same_upper)", "conv1 has too little padding: padding=same_upper"),
        ("conv(5, 64, s2)", "conv(5, 64, s2, padding=2)", "conv1 has too little padding: padding=2"),
    ],
)
def test_a_window_without_padding_needs_some(branch: str, padded: str, said: str) -> None:
    text = HEAD.format(n=56) + RESIDUAL
    shortcut = "conv(1, 64, s2)" if "s2" in branch else "prev"
    assert help_of(text.format(branch, shortcut)).startswith(said)
    assert load_text(text.format(padded, shortcut)).nodes


@pytest.mark.parametrize(
    ("n", "said", "sizes"),
    [
        (321, "maxpool1 drops the last of 321 elements", (320, 324)),
        (322, "maxpool2 drops the last of 161 elements", (320, 324)),
    ],
)
def test_a_row_that_upsampling_does_not_restore_needs_another_input_size(
    n: int, said: str, sizes: tuple[int, int]
) -> None:
    found = help_of(HEAD.format(n=n) + UNET)
    assert found.startswith(said)
    assert found.endswith(f"use an input size that 4 divides: {sizes[0]} or {sizes[1]}")
    assert all(load_text(HEAD.format(n=size) + UNET).nodes for size in sizes)


def test_other_sizes_are_cropped() -> None:
    text = HEAD.format(n=572) + VALID_UNET
    assert help_of(text.format("e1")) == "crop the larger one: crop(like=u)"
    assert load_text(text.format("e1 -> crop(like=u)")).nodes


def test_a_layer_that_makes_axes_is_no_window_on_those_of_its_input() -> None:
    scaled = 'gap -> rearrange("b c -> b 1 c", first) -> conv(3, 1, padding=same) -> flatten -> sigmoid'
    blocks = f"blocks:\n  scaled:\n    - mul:\n        - {scaled}\n        - x\n"
    layers = "layers:\n  - add:\n      - maxpool(2) -> scaled\n      - prev\n"
    assert help_of(f"archcalc: 1\ninput: [8, 8, 8]\n{blocks}{layers}").startswith("give both the same size")
