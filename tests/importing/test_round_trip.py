"""There and back: the module that is generated for a network, imported, is the network again, layer by layer."""

import pytest

from archcalc.measure import MEASURES
from tests.importing.going_round import came_back, differences, gone_round
from tests.networks.zoo import network, references

SOME = ("alexnet", "convnext", "deepfm", "gcn", "gpt2", "mobilenet_v2", "nerf", "swin", "unet", "wav2vec2")
"""Networks of different kinds, which are quick."""

SHARED = "learned values that stand for a batch of one have one axis more in code"
LIKE = "the size of another map, to which one is resized, is a number in a call"
UNREAD = "what no output needs is left out"
DISTANCES = "a table of distances belongs to no sample"
FROZEN = "whether weights are frozen is not imported"

OPEN = {
    "beit": DISTANCES,
    "biggan": "a reshape is a rearrange where it can be one",
    "capsnet": SHARED,
    "clip": SHARED,
    "conformer": DISTANCES,
    "conv_tasnet": UNREAD,
    "deberta_v3": DISTANCES,
    "deeplabv3": LIKE,
    "dlrm": "a slice of all elements is left out",
    "fcn_resnet50": LIKE,
    "fpn": LIKE,
    "gat": "which axis of a square input has the features is not in its shape",
    "lenet5_1998": FROZEN,
    "maxvit": "two movements in a row are one layer",
    "nbeats": UNREAD,
    "patchtst": FROZEN,
    "pvt_v2": "attention to a memory that is its own input is spelled out",
    "qformer": SHARED,
    "segformer": LIKE,
    "segnet": LIKE,
    "siglip": SHARED,
    "sknet": "which axis has the features is not in its shape",
    "tacotron2": SHARED,
    "vqvae": SHARED,
    "xlnet": DISTANCES,
}
"""Networks of which something does not come back, and why."""


def open_(name: str) -> str:
    """Why a network, or the one that it is a variant of, does not come back."""
    return OPEN.get(name, OPEN.get(name.partition("@")[0], ""))


@pytest.mark.parametrize("name", SOME)
def test_some_networks_come_back(name: str) -> None:
    assert gone_round(network(name)).differences == ()


@pytest.mark.zoo
@pytest.mark.parametrize("name", [each for each in references() if not open_(each)])
def test_all_networks_come_back(name: str) -> None:
    assert gone_round(network(name)).differences == ()


@pytest.mark.zoo
@pytest.mark.parametrize("name", OPEN)
def test_those_that_do_not_are_listed(name: str) -> None:
    """What comes back after all leaves the list; all others keep their totals."""
    back = came_back(network(name))
    assert list(differences(network(name), back))
    for measure in ("params", "macs"):
        assert MEASURES[measure].total(back) == MEASURES[measure].total(network(name))
