"""BERT. Defaults: BertConfig of transformers 5.24."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.encoders import NAMES as NAMES_OF_ENCODERS
from archcalc.importing.encoders import bert_like

NAMES = (NAMES_OF_ENCODERS,)


def spec(config: Configuration) -> str:
    return bert_like(config, "BERT", vocab=30522, segments=2, context=512, reserved=0)
