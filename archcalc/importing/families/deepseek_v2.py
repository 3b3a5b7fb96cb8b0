"""DeepSeek-V2. Defaults: DeepseekV2Config of transformers 5.24."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import EXPERTS
from archcalc.importing.latent_decoders import Sizes, experts_of, latent_decoder

NAMES = (EXPERTS,)
"""As files have them, with a weight for each expert; transformers 5 has the names of the spec."""


def spec(config: Configuration) -> str:
    config.only("scoring_func", "softmax", "scores of experts by another function")
    config.get("num_attention_heads", 32)
    config.read |= {"n_group", "topk_group"}
    if config.get("topk_method", "greedy") != "greedy":
        config.warn("'topk_method' is left out: it chooses other experts, and as many")
    mixture = experts_of(config, experts=64, shared=2, hidden=1407, normed=False, factor=1.0)
    sizes = Sizes(width=4096, heads=32, hidden=11008, depth=32, vocab=102400, dense=0, context=2048)
    return latent_decoder(config, "DeepseekV2", mixture, sizes)
