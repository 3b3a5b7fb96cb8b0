"""What follows the body of a model: the head of the class that `architectures` names."""

from archcalc.importing.configuration import Configuration

OF_DECODERS = {
    "ForSequenceClassification": "  - score = linear({labels}, bias=false) -> select(T - 1)\n",
    "ForTokenClassification": "  - score = linear({labels}, bias=true)\n",
    "ForQuestionAnswering": "  - qa_outputs = linear(2, bias=true)\n",
}
"""Heads that families of decoders have in common."""


def is_alone(config: Configuration) -> bool:
    """Whether the class is that of the body, without a head."""
    return config.architecture.endswith("Model") and "Head" not in config.architecture


def head_or(config: Configuration, lm_head: str) -> str:
    """The layers behind a decoder. `lm_head`: those of the language model, which a file that names no class has, too.

    Of another head there is a warning, and no layer.
    """
    kind = config.architecture
    if not kind or kind.endswith(("ForCausalLM", "LMHeadModel")):
        return lm_head
    if is_alone(config):
        return ""
    for ending, text in OF_DECODERS.items():
        if kind.endswith(ending):
            return text.format(labels=config.labels)
    return left_out(config, "without a head")


def left_out(config: Configuration, what: str) -> str:
    """No layers, and a warning. `what`: which model the spec describes."""
    config.warn(f"the head of {config.architecture[:60]} is left out: the spec is of the model {what}")
    return ""
