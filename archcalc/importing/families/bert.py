"""BERT. Defaults: BertConfig of transformers 5.24."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.encoders import NAMES as NAMES_OF_ENCODERS
from archcalc.importing.encoders import bert_like, head_of_encoder, inside, of_pretraining, pooler, words_again

NAMES = (
    NAMES_OF_ENCODERS,
    {
        **inside("bert"),
        "transform": "cls.predictions.transform.dense",
        "transform_norm": "cls.predictions.transform.LayerNorm",
        "lm_head.bias": "cls.predictions.bias",
        "lm_head": "cls.predictions.decoder",
        "seq_relationship": "cls.seq_relationship",
    },
)


def spec(config: Configuration) -> str:
    return bert_like(config, "BERT", vocab=30522, segments=2, context=512, reserved=0, head=head(config))


def head(config: Configuration) -> str:
    names = ("transform", "transform_norm", "lm_head")
    words = words_again(config, names, config.get("hidden_size", 768), config.act("hidden_act", "gelu"))
    pooled = pooler(config)
    return head_of_encoder(
        config,
        {
            "ForMaskedLM": f"  - {words}\n",
            "ForPreTraining": of_pretraining(words, pooled, "seq_relationship", "2"),
            "ForNextSentencePrediction": f"  - {pooled} -> seq_relationship = linear(2)\n",
            "ForSequenceClassification": f"  - {pooled} -> classifier = linear(LABELS)\n",
        },
        f"  - {pooled}\n",
    )
