"""mT5: T5 1.1 with a larger vocabulary. Defaults: MT5Config of transformers 5.24."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.families import t5

DEFAULTS = {
    "vocab_size": 250112, "d_ff": 1024, "num_layers": 8, "num_heads": 6, "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
}  # fmt: skip
"""What differs from those of T5; files of mT5 have a map to the vocabulary of their own."""


def spec(config: Configuration) -> str:
    config.fields = {**DEFAULTS, **config.fields}
    return t5.spec(config)
