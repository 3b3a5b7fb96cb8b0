"""DeepSeek-V3 and R1. Defaults: DeepseekV3Config of transformers 5.24. Prediction of later tokens is left out."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import EXPERTS
from archcalc.importing.latent_decoders import Sizes, experts_of, latent_decoder

NAMES = (EXPERTS,)
"""As files have them, with a weight for each expert; transformers 5 has the names of the spec."""


def spec(config: Configuration) -> str:
    config.only("scoring_func", "sigmoid", "scores of experts by another function")
    config.only("topk_method", "noaux_tc", "another choice of experts")
    config.read |= {"rope_interleave"}
    groups, top = config.get("n_group", 8), config.get("topk_group", 4)
    mixture = experts_of(
        config, experts=256, shared=1, hidden=2048, normed=True, factor=2.5,
        more=f", scoring=sigmoid, n_group={groups}, topk_group={top}",
    )  # fmt: skip
    if config.given("num_nextn_predict_layers"):
        config.warn("'num_nextn_predict_layers' is left out: layers that predict later tokens in training alone")
    sizes = Sizes(width=7168, heads=128, hidden=18432, depth=61, vocab=129280, dense=3, context=4096)
    return latent_decoder(config, "DeepseekV3", mixture, sizes)
