"""Other sizes: what the code does there is what the spec says, or a call is named."""

import copy
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archcalc.graph.loading import load_text
from archcalc.importing.imported import from_torch, imported
from archcalc.importing.lengths import Length, LengthOf, lengths_in
from archcalc.importing.program import Value
from archcalc.importing.sizes import Sizes, sizes_of
from tests.importing import networks
from tests.shell import Shell

IMAGE = torch.zeros(1, 3, 32, 32)


def sizes(model: nn.Module, example: Tensor) -> Sizes:
    return sizes_of(model, {"x": example}, {}, imported(model, {"x": example}, {}))


class Resized(nn.Module):
    """Makes a map as large as its input."""

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(F.max_pool2d(x, 4), size=x.shape[-2:], mode="bilinear")


class Deeper(nn.Module):
    """Has another layer where pictures are large."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return self.conv(y) if x.shape[-1] > 40 else y


def test_a_spec_that_holds_at_other_sizes_says_so() -> None:
    found = sizes(networks.ResNet(depth=1), IMAGE)
    assert (found.finding, found.refused) == (None, "")
    assert str(found) == "the spec holds at other sizes, too: tried at [3, 64, 96]"
    tokens = sizes(networks.Tied(), torch.zeros(1, 6, dtype=torch.long))
    assert list(tokens.tried.values()) == [(3,)]
    assert tokens.finding is None
    assert sizes(Resized(), IMAGE).finding is None


class Named(nn.Module):
    """Makes one map as large as another one, which is not its input."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.second = nn.Conv2d(4, 4, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        fine: Tensor = self.first(x)
        coarse = self.second(fine)
        return fine + F.interpolate(coarse, size=fine.shape[2:])


def test_the_map_whose_size_another_one_gets_is_named() -> None:
    found = from_torch(Named(), torch.zeros(1, 3, 32, 40))
    assert "resize(like=first)" in found.flat
    assert "like=input" in from_torch(Resized(), IMAGE).flat
    assert found.graph[found.graph.outputs[0]].output.item_shape == (4, 16, 20)
    for text in (found.flat, found.spec):
        wider = load_text(text.replace("[3, 32, 40]", "[3, 64, 48]"))
        assert wider[wider.outputs[0]].output.item_shape == (4, 32, 24)


def test_lengths_keep_how_they_were_computed() -> None:
    h, w = (Length(n, LengthOf(Value("made", (1, 3, 32, 40)), i)) for i, n in ((2, 32), (3, 40)))
    for made, n in ((h * w, 1280), (2 * h + 1, 65), (-(-w // 3), 14), (7 - h % 5, 5), (round(h), 32), (ceil(w), 40)):
        assert isinstance(made, Length)
        assert made == n
        assert {each.axis for each in lengths_in(made.formula)} <= {2, 3}
    assert type(copy.deepcopy(h)) is int
    assert type(h / 2) is float
    assert torch.zeros(h, w).shape == (32, 40)


def test_the_call_that_fixes_the_sizes_is_named() -> None:
    for model, line in ((networks.Fourier(), "torch.fft"), (Deeper(), "")):
        found = sizes(model, torch.zeros(1, 4, 16, 16) if isinstance(model, networks.Fourier) else IMAGE)
        assert found.finding is not None
        assert found.finding.code == "AC514"
        assert not line or (found.finding.location is not None and line in found.finding.location.text)
        assert "at this size alone" in str(found)


class Half(nn.Module):
    """Takes the upper half of a map, which changes no total."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x[:, :, : x.shape[2] // 2])


class Whole(nn.Module):
    """Pools over all positions, however many there are."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, x.shape[2:]) + F.max_pool2d(x, x.size()[2:])


class Third(nn.Module):
    """Takes the first rows of a map, however many it has."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x[:, :, :10])


def test_shapes_are_compared_where_totals_agree() -> None:
    found = sizes(Half(), IMAGE)
    assert found.finding is not None
    assert "makes [3, 32, 96] and [3, 16, 96] at other sizes" in found.finding.message
    assert found.finding.location is not None
    assert sizes(Third(), IMAGE).finding is None
    assert sizes(Whole(), IMAGE).finding is None
    assert "global_maxpool" in from_torch(Whole(), IMAGE).flat


def test_code_that_takes_no_other_size_says_it_itself() -> None:
    flat = sizes(nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2)), IMAGE)
    assert flat.finding is None
    assert "does not take [3, 64, 96]" in str(flat)
    assert str(sizes(nn.Linear(4, 2), torch.zeros(1, 4))) == "its inputs have no sizes to change"


def test_every_way_to_a_network_of_code_follows_the_sizes_of_its_inputs(shell: Shell) -> None:
    """In Python, as a spec, and as a reference in other commands."""
    network = from_torch(Half(), IMAGE)
    assert (network.findings, network.sizes) == ((), "the spec holds at other sizes, too: tried at [3, 64, 96]")
    reference = ["py:tests/importing/test_sizes.py:Half", "--input", "3,32,32"]
    assert "end=input.height // 2" in network.spec
    assert "end=input.height // 2" in shell("import", *reference).out
    assert '"output_shape": [3, 10, 32]' in shell("report", *reference, "--set", "H=20", "--format", "json").out
    assert "768·⌊H/2⌋" in shell("formula", *reference, "--free", "H", "--of", "output_bytes").out


def test_the_command_says_it(shell: Shell) -> None:
    found = shell("import", "tests/importing/networks.py:Fourier", "--input", "4,16,16")
    assert "warning[AC514]" in found.err
    assert "torch.fft.rfft2(x)" in found.err.partition("AC514")[2]
    assert found.err.endswith("the spec holds at this size alone: tried at [4, 48, 80]\n")
