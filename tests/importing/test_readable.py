"""The readable spec: as short as one written by hand, and the same network as the flat one, layer by layer."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archcalc.graph.loading import load_text
from archcalc.importing.imported import from_torch
from archcalc.importing.network import Imported
from archcalc.importing.readable.paths import NotReadable
from archcalc.importing.readable.writing import census
from tests.importing import networks, shared_networks

IMAGE = torch.zeros(1, 3, 32, 32)

RESNET = """\
archcalc: 1
name: ResNet
input: [3, 32, 32]
expect: {params: 17_938, macs: 727_200}
defaults:
  conv: {padding: same, norm: batchnorm, act: relu}
blocks:
  residual(c, stride=1):
    - add:
        - conv(3, c, stride=stride) -> conv(3, c, act=none)
        - conv(1, c, stride=stride, act=none) if x.channels != c else prev
    - relu
layers:
  - conv(7, 8, s2) -> maxpool(3, 2, p1) -> residual(8) * 3 -> residual(16, 2) -> residual(16) * 2 -> gap -> linear(10)
"""


def blocks_of(found: Imported) -> str:
    assert not found.why_flat
    assert census(found.graph) == census(load_text(found.flat))
    return found.spec


def test_a_residual_network_is_a_block_with_arguments_and_a_condition() -> None:
    assert blocks_of(from_torch(networks.ResNet(3), IMAGE)) == RESNET


class Dense(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, 4, 3, padding=1, bias=False)

    def forward(self, parts: list[Tensor]) -> Tensor:
        return self.conv(torch.relu(self.norm(torch.cat(parts, 1))))  # type: ignore[no-any-return]


class DenseBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Dense(3 + 4 * i) for i in range(5))

    def forward(self, x: Tensor) -> Tensor:
        parts = [x]
        for each in self.layers:
            parts.append(each(parts))
        return torch.cat(parts, 1)


def test_concatenations_that_grow_are_one_layer_many_times() -> None:
    assert "dense * 5" in blocks_of(from_torch(DenseBlock(), IMAGE))


class Twice(nn.Module):
    def __init__(self, before: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.drop = nn.Dropout2d(0.1)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(torch.relu(self.conv2(torch.relu(self.conv1(x)))))  # type: ignore[no-any-return]


class Stacks(nn.Module):
    """An encoder that keeps its maps in a list, from which a decoder takes them."""

    def __init__(self) -> None:
        super().__init__()
        self.downs = nn.ModuleList([Twice(3, 8), Twice(8, 16), Twice(16, 32)])
        self.middle = Twice(32, 64)
        self.ups = nn.ModuleList([nn.ConvTranspose2d(2 * n, n, 2, 2) for n in (32, 16, 8)])
        self.blocks = nn.ModuleList([Twice(64, 32), Twice(32, 16), Twice(16, 8)])

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for down in self.downs:
            x = down(x)
            kept.append(x)
            x = nn.functional.max_pool2d(x, 2)
        x = self.middle(x)
        for up, block in zip(self.ups, self.blocks, strict=True):
            x = block(torch.cat([up(x), kept.pop()], 1))
        return x


STACKS = """\
blocks:
  twice(c):
    - conv(3, c) -> conv(3, c) -> channel_dropout(0.1)
layers:
  - twice(8)
  - concat:
      - - maxpool(2)
        - concat:
            - - downs_1 = twice(16)
              - maxpool(2)
              - concat:
                  - - downs_2 = twice(32)
                    - maxpool(2) -> twice(64) -> upconv(2, 32, s2)
                  - downs_2
              - twice(32) -> upconv(2, 16, s2)
            - downs_1
        - twice(16) -> upconv(2, 8, s2)
      - prev
  - twice(8)
"""


def test_what_is_read_once_more_has_a_name_at_the_end_of_its_chain() -> None:
    assert blocks_of(from_torch(Stacks(), IMAGE)).endswith(STACKS)


class Gated(nn.Module):
    """Gives what the next one reads, and a part of the output."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.gate = nn.Conv2d(8, 8, 3, padding=dilation, dilation=dilation)
        self.skip = nn.Conv2d(8, 16, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = torch.sigmoid(self.gate(x)) * x
        return x + y, self.skip(y)


class Skips(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 1)
        self.blocks = nn.ModuleList([Gated(1), Gated(2), Gated(4)])

    def forward(self, x: Tensor) -> Tensor:
        x, skips = self.first(x), []
        for block in self.blocks:
            x, skip = block(x)
            skips.append(skip)
        return torch.cat(skips, 1)


SKIPS = """\
blocks:
  gated(d):
    - mul:
        - conv(3, 8, act=sigmoid, dilation=d)
        - prev
      name: mul_2
    - skip = conv(1, 16)
    - add:
        - x
        - mul_2
layers:
  - first = conv(1, 8)
  - blocks_0 = gated(1)
  - blocks_1 = gated(2)
  - blocks_2 = gated(4)
  - concat:
      - blocks_0.skip
      - blocks_1.skip
      - blocks_2.skip
"""


def test_a_module_that_gives_several_values_is_a_block_with_members() -> None:
    """The sum of the last one is made and read by nobody: it is the same block all the same."""
    assert blocks_of(from_torch(Skips(), IMAGE)).endswith(SKIPS)


class Branches(nn.Module):
    """A value that two later places read."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3, padding=1)
        self.b = nn.Conv2d(4, 4, 3, padding=1)
        self.c = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        b = self.b(a)
        return torch.cat([self.c(a + b), a, b], 1)


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (Branches(), IMAGE),
        (networks.Attention(), torch.zeros(1, 5, 12)),
        (networks.Idle(), IMAGE),
        (networks.Tied(), torch.zeros(1, 6, dtype=torch.long)),
        (shared_networks.ShiftedWindows(), torch.zeros(1, 4, 6, 8)),
        (shared_networks.Rotary(), torch.zeros(1, 5, 12)),
        (shared_networks.Biases(), torch.zeros(1, 4, 8)),
        (shared_networks.Reductions(), torch.zeros(1, 6, 8, 8)),
        (nn.TransformerEncoder(nn.TransformerEncoderLayer(12, 4, 24, batch_first=True), 3), torch.zeros(1, 5, 12)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_is_written_reads_back_as_the_same_layers(model: nn.Module, example: Tensor) -> None:
    blocks_of(from_torch(model, example))


class Nested(nn.Module):
    """A module of its own class inside it, as in deep layer aggregation."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.before = nn.Conv2d(3, 3, 3, padding=1)
        self.inner = Nested(depth - 1) if depth else nn.Conv2d(3, 3, 1)
        self.after = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.inner(self.before(x)) + x)  # type: ignore[no-any-return]


def test_a_class_that_holds_itself_has_a_block_for_each_depth() -> None:
    found = from_torch(Nested(2), IMAGE)
    assert not found.why_flat
    assert not found.differences
    assert "  nested:" in found.spec
    assert "conv(3, 3) -> nested_2" in found.spec


def test_a_layer_that_runs_again_is_called_by_its_name() -> None:
    *_, line = blocks_of(from_torch(networks.Shared(), torch.zeros(1, 4))).splitlines()
    assert line == "  - linear(4) -> layers_0_1 = prelu -> linear(4) -> layers_0_1() -> linear(4) -> layers_0_1()"


def test_weights_of_another_layer_are_named_by_it() -> None:
    *_, line = blocks_of(from_torch(networks.Tied(), torch.zeros(1, 6, dtype=torch.long))).splitlines()
    assert line.endswith("-> linear(50, bias=false, tie=table)")


class Ladder(nn.Module):
    """Sums of sums, each of which a later one reads again."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(4, 4) for _ in range(60))

    def forward(self, x: Tensor) -> Tensor:
        steps = [x]
        for each in self.maps:
            steps.append(each(steps[-1]) + steps[-2 if len(steps) > 1 else -1])
        return steps[-1]


class Biased(nn.Module):
    """A block whose convolution has a norm, a bias, both or neither."""

    def __init__(self, norm: bool, bias: bool) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 3, 3, padding=1, bias=bias), nn.ReLU()
        self.norm = nn.BatchNorm2d(3) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(self.act(self.norm(self.conv(x))), (1, 1, 1, 1))


@pytest.mark.parametrize("first", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("second", [(True, True), (True, False), (False, True), (False, False)])
def test_blocks_of_one_class_have_a_bias_where_the_code_has_one(
    first: tuple[bool, bool], second: tuple[bool, bool]
) -> None:
    blocks_of(from_torch(nn.Sequential(Biased(*first), Biased(*second)), IMAGE))


class Apart(nn.Module):
    """A layer runs again for what is written before the layer is."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(9, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.words(x[:, :1]), self.words(x[:, 1:2])
        return torch.cat((self.out(b), self.out(a) * b, a), dim=1)


def test_layers_that_run_again_come_after_their_first_run() -> None:
    blocks_of(from_torch(Apart(), torch.zeros(1, 4, dtype=torch.long)))


def test_sums_of_many_sums_have_names_and_are_not_nested() -> None:
    found = blocks_of(from_torch(Ladder(), torch.zeros(1, 4)))
    assert max(len(line) - len(line.lstrip()) for line in found.splitlines()) <= 12


def test_a_network_that_cannot_be_written_with_blocks_is_flat_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> str:
        raise NotReadable("a reason")

    monkeypatch.setattr("archcalc.importing.network.readable_spec", refused)
    found = from_torch(Nested(2), IMAGE)
    assert "one line per layer, because blocks were not found: a reason" in found.spec
    assert census(found.graph) == census(load_text(found.flat))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("conv(3, c, act=none)", "conv(3, c, act=none, d2)"),
        ("residual(16) * 2", "residual(16) * 3"),
        ("act: relu", "act: gelu"),
        ("maxpool(3, 2, p1)", "avgpool(3, 2, padding=1)"),
        ("    - relu\n", ""),
    ],
)
def test_a_planted_difference_is_seen(before: str, after: str) -> None:
    assert before in RESNET
    assert census(load_text(RESNET.replace(before, after))) != census(load_text(RESNET))


def test_swapped_inputs_of_a_concatenation_are_seen() -> None:
    found = from_torch(Branches(), IMAGE)
    text = found.flat.replace("concat: [c, a, b]", "concat: [c, b, a]")
    assert text != found.flat
    assert census(load_text(text)) != census(load_text(found.flat))
