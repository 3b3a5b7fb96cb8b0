"""XLM-RoBERTa: RoBERTa with a larger vocabulary. Defaults: XLMRobertaConfig of transformers 5.24."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.families import roberta


def spec(config: Configuration) -> str:
    return roberta.spec(config)
