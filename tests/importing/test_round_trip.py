"""There and back: the module that is generated for a network, imported, is the network again, layer by layer."""

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.measure import MEASURES
from tests.importing.going_round import came_back, differences, gone_round
from tests.networks.zoo import network, references

SOME = ("alexnet", "convnext", "deepfm", "gcn", "gpt2", "mobilenet_v2", "nerf", "swin", "unet", "wav2vec2")
"""Networks of different kinds, which are quick."""

UNREAD = "what no output needs is left out"
DISTANCES = "a table of distances belongs to no sample"
MOVES = "movements in a row are one layer, or none where they undo one another"
OPEN = {
    "beit": DISTANCES,
    "biggan": "a reshape is a rearrange where it can be one",
    "coatnet": MOVES,
    "conformer": DISTANCES,
    "conv_tasnet": UNREAD,
    "efficientdet": "a slice of a vector without a batch is `channels`, which does the same",
    "gat": "which axis of a square input has the features is not in its shape",
    "lenet5_1998": "the numbers of a table of maps are in two buffers, and not in its module",
    "longformer": "attention with a mask of a window and global tokens is opaque",
    "maxvit": MOVES,
    "nbeats": UNREAD,
    "olmo2@32b": "keys of fewer heads than queries, with a norm and a rotation, come back as their parts",
    "sknet": "which axis has the features is not in its shape",
    "stylegan2": "maps of noise for one sample have one axis more in code",
    "xlnet": DISTANCES,
}
"""Networks of which something does not come back, and why."""


TOO_LONG = ("t5@3b", "t5@large")
"""Networks with more constants than are kept with their values: what comes back of them is refused."""


def open_(name: str) -> str:
    """Why a network, or the one that it is a variant of, does not come back."""
    return OPEN.get(name, OPEN.get(name.partition("@")[0], ""))


@pytest.mark.parametrize("name", SOME)
def test_some_networks_come_back(name: str) -> None:
    assert gone_round(network(name)).differences == ()


@pytest.mark.zoo
@pytest.mark.parametrize("name", [each for each in references() if each not in TOO_LONG and not open_(each)])
def test_all_networks_come_back(name: str) -> None:
    assert gone_round(network(name)).differences == ()


@pytest.mark.zoo
@pytest.mark.parametrize("name", TOO_LONG)
def test_those_with_too_many_constants_are_refused(name: str) -> None:
    with pytest.raises(SpecError):
        came_back(network(name))


@pytest.mark.zoo
@pytest.mark.parametrize("name", OPEN)
def test_those_that_do_not_are_listed(name: str) -> None:
    """What comes back after all leaves the list; all others keep their totals."""
    back = came_back(network(name))
    assert list(differences(network(name), back))
    for measure in ("params", "macs"):
        assert MEASURES[measure].total(back) == MEASURES[measure].total(network(name))
