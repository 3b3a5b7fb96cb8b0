"""RoBERTa. Defaults: RobertaConfig of transformers 5.24. Positions count from the one behind that of padding."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.encoders import NAMES as NAMES_OF_ENCODERS
from archcalc.importing.encoders import bert_like, head_of_encoder, inside, pooler, words_again

NAMES = (
    NAMES_OF_ENCODERS,
    {
        **inside("roberta"),
        "transform": "lm_head.dense",
        "transform_norm": "lm_head.layer_norm",
        "lm_head.bias": "lm_head.bias",
        "lm_head": "lm_head.decoder",
        "dense": "classifier.dense",
        "out_proj": "classifier.out_proj",
    },
)


def spec(config: Configuration) -> str:
    return bert_like(config, "RoBERTa", vocab=50265, segments=2, context=512, reserved=2, head=head(config))


def head(config: Configuration) -> str:
    width = config.get("hidden_size", 768)
    words = words_again(config, ("transform", "transform_norm", "lm_head"), width, "gelu")
    return head_of_encoder(
        config,
        {
            "ForMaskedLM": f"  - {words}\n",
            "ForSequenceClassification": f"  - select(0) -> dense = linear({width}) -> tanh -> "
            "out_proj = linear(LABELS)\n",
        },
        f"  - {pooler(config)}\n",
    )
