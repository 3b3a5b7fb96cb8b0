"""The modules for layers that torch lacks, against what their sources define: brute force, element by element.

Shapes, weights and MACs of every layer are compared elsewhere; a wrong sign, or rows for columns, shows in values.
"""

from itertools import product
from math import floor
from typing import Any

import numpy as np
import pytest
import torch

from archcalc.core.volume import image, tokens
from archcalc.layer import LAYERS, Layer, Reference
from tests.torch_oracle import applied

Array = Any


def made(kind: str, xs: list[torch.Tensor], volumes: tuple[Any, ...], **given: Any) -> tuple[Array, Any]:
    """What the layer makes of these inputs in float64, and its module, whose weights are random."""
    layer: Layer = LAYERS[kind](**given)
    it = applied(layer, volumes, "cpu").double()
    for parameter in it.parameters():
        torch.nn.init.uniform_(parameter.data, -0.5, 0.5)
    with torch.no_grad():
        return it(*xs).numpy(), it.it


def between(plane: Array, y: float, x: float) -> float:
    """The value at a place between elements, 0 beyond them."""
    height, width = plane.shape
    total = 0.0
    for i, j in product((floor(y), floor(y) + 1), (floor(x), floor(x) + 1)):
        if 0 <= i < height and 0 <= j < width:
            total += plane[i, j] * (1 - abs(y - i)) * (1 - abs(x - j))
    return total


@pytest.mark.parametrize("masked", [False, True])
def test_deform_conv_reads_each_tap_where_it_is_moved(masked: bool) -> None:
    torch.manual_seed(0)
    x, y, groups, count = image(4, 6, 5, batch=2), image(6, 3, 3, batch=2), 2, 2
    moves, counts = y.to(2 * count * 9), y.to(count * 9)
    volumes = (x, moves, counts)[: 2 + masked]
    xs = [3 * torch.randn(each.shape, dtype=torch.float64) for each in volumes]
    given = dict(offsets=Reference("o"), mask=Reference("m") if masked else None)
    found, it = made("deform_conv", xs, volumes, kernel_size=3, out_channels=6, stride=2, padding=1, groups=2, **given)
    inputs, weight, bias = [each.numpy() for each in xs], it.weight.detach().numpy(), it.bias.detach().numpy()
    expected = np.zeros_like(found)
    for n, o, i, j, c, a, b in product(*map(range, (*found.shape, 2, 3, 3))):
        channel, tap = o // 3 * 2 + c, 3 * a + b
        group = channel // (4 // count)
        down, right = inputs[1][n, 2 * (9 * group + tap) :, i, j][:2]
        value = between(inputs[0][n, channel], 2 * i - 1 + a + down, 2 * j - 1 + b + right)
        expected[n, o, i, j] += weight[o, c, a, b] * value * (inputs[2][n, 9 * group + tap, i, j] if masked else 1)
    assert groups == 2
    np.testing.assert_allclose(found, expected + bias[:, None, None])


@pytest.mark.parametrize("aligned", [False, True])
def test_roi_align_averages_points_of_each_cell(aligned: bool) -> None:
    torch.manual_seed(0)
    volumes = image(2, 7, 9, batch=2), tokens(6, 4, batch=2)
    boxes = torch.rand(2, 6, 4, dtype=torch.float64) * 24 - 4
    boxes[..., 2:] = boxes[..., :2] + torch.rand(2, 6, 2, dtype=torch.float64) * 12
    xs = [torch.randn(2, 2, 7, 9, dtype=torch.float64), boxes]
    given = dict(boxes=Reference("b"), output_size=(3, 2), spatial_scale=0.5, aligned=aligned)
    found, _ = made("roi_align", xs, volumes, **given)
    maps, expected = xs[0].numpy(), np.zeros_like(found)
    for n, c, r, i, j, a, b in product(*map(range, (*found.shape, 2, 2))):
        left, top, right, bottom = 0.5 * boxes[n, r].numpy() - (0.5 if aligned else 0)
        height, width = (bottom - top, right - left) if aligned else (max(bottom - top, 1), max(right - left, 1))
        y, x = top + (i + (a + 0.5) / 2) * height / 3, left + (j + (b + 0.5) / 2) * width / 2
        if -1 <= y <= 7 and -1 <= x <= 9:
            expected[n, c, r, i, j] += between(maps[n, c], min(max(y, 0), 6), min(max(x, 0), 8)) / 4
    np.testing.assert_allclose(found, expected)


def test_unpool_puts_values_where_the_maxima_were() -> None:
    torch.manual_seed(0)
    volumes = image(3, 3, 2, batch=2), image(3, 7, 6, batch=2)
    xs = [torch.randn(each.shape, dtype=torch.float64) for each in volumes]
    found, _ = made("unpool", xs, volumes, of=Reference("e"), kernel_size=(2, 3))
    expected, pooled = np.zeros_like(found), xs[1].numpy()
    for n, c, i, j in product(*map(range, xs[0].shape)):
        window = pooled[n, c, 2 * i : 2 * i + 2, 3 * j : 3 * j + 3]
        a, b = np.unravel_index(window.argmax(), window.shape)
        expected[n, c, 2 * i + a, 3 * j + b] = xs[0][n, c, i, j]
    np.testing.assert_array_equal(found, expected)


def test_wkv_is_the_average_that_the_paper_writes() -> None:
    torch.manual_seed(0)
    volumes = (tokens(7, 3, batch=2),) * 2
    keys, values = (torch.randn(2, 7, 3, dtype=torch.float64) for _ in volumes)
    found, it = made("wkv", [keys, values], volumes, values=Reference("v"))
    decay, first = it.time_decay.detach().exp(), it.time_first.detach()
    for t in range(7):
        age = torch.tensor([float(t - 1 - i) for i in range(t)], dtype=torch.float64)[:, None]
        weights = torch.cat([(keys[:, :t] - age * decay).exp(), (keys[:, t] + first).exp()[:, None]], dim=1)
        expected = (weights * values[:, : t + 1]).sum(1) / weights.sum(1)
        np.testing.assert_allclose(found[:, t], expected)


def test_selective_scan_is_the_sum_over_earlier_tokens() -> None:
    """y_t = D x_t + sum_i<=t c_t exp(A sum_i<j<=t delta_j) delta_i b_i x_i, without a recurrence."""
    torch.manual_seed(0)
    volumes = tokens(6, 3, batch=2), tokens(6, 3, batch=2), tokens(6, 4, batch=2), tokens(6, 4, batch=2)
    xs = [torch.rand(each.shape, dtype=torch.float64) for each in volumes]
    found, it = made("selective_scan", xs, volumes, **{name: Reference(name) for name in ("delta", "b", "c")})
    x, delta, b, c = xs
    rate = -it.A_log.detach().exp()
    for t in range(6):
        expected = it.D.detach() * x[:, t]
        for i in range(t + 1):
            decay = (rate * delta[:, i + 1 : t + 1].sum(1)[..., None]).exp()
            expected = expected + torch.einsum("bn,ben,be,bn->be", c[:, t], decay, delta[:, i] * x[:, i], b[:, i])
        np.testing.assert_allclose(found[:, t], expected)
