"""What BERT and its kin have in common: a sum of embeddings, blocks with norms at their ends, heads."""

from collections.abc import Mapping

from archcalc.importing.configuration import Configuration
from archcalc.importing.heads import is_alone, left_out


def qkv(ours: str, theirs: str, names: tuple[str, str, str]) -> dict[str, str]:
    """Queries, keys and values, which are one weight here and three there, and their biases."""
    return {
        f"{ours}.in_proj_{kind}": " + ".join(f"{theirs}.{name}.{kind}" for name in names) for kind in ("weight", "bias")
    }


LAYER = "encoder.layer.*"

NAMES = {
    "word_embeddings": "embeddings.word_embeddings",
    "word_embedding": "embeddings.word_embeddings",
    "token_type_embeddings": "embeddings.token_type_embeddings",
    "segment_embedding": "embeddings.token_type_embeddings",
    "position_embeddings": "embeddings.position_embeddings",
    "position_embedding1": "embeddings.position_embeddings",
    "layernorm1": "embeddings.LayerNorm",
    **qkv("encoder.*.attention1", f"{LAYER}.attention.self", ("query", "key", "value")),
    "encoder.*.attention1.out_proj": f"{LAYER}.attention.output.dense",
    "encoder.*.norm1": f"{LAYER}.attention.output.LayerNorm",
    "encoder.*.linear1": f"{LAYER}.intermediate.dense",
    "encoder.*.fc1": f"{LAYER}.intermediate.dense",
    "encoder.*.linear2": f"{LAYER}.output.dense",
    "encoder.*.fc2": f"{LAYER}.output.dense",
    "encoder.*.norm2": f"{LAYER}.output.LayerNorm",
    "pooler": "pooler.dense",
}
"""Names of weights in checkpoints of BERT and RoBERTa."""


def inside(inner: str, names: Mapping[str, str] = NAMES) -> dict[str, str]:
    """The names of a body in files of a model with a head. `inner`: what stands in front of them there."""
    return {ours: " + ".join(f"{inner}.{each}" for each in theirs.split(" + ")) for ours, theirs in names.items()}


BLOCK = """  block:
    - add: [attention({heads}), prev]
    - norm1 = layernorm
    - add: ["linear({size}) -> {act} -> linear({width})", prev]
    - norm2 = layernorm"""
"""A layer whose norms stand behind its sums."""


def block(config: Configuration) -> str:
    """The block of the layers."""
    return BLOCK.format(
        heads=config.get("num_attention_heads", 12), size=config.get("intermediate_size", 3072),
        act=config.act("hidden_act", "gelu"), width=config.get("hidden_size", 768),
    )  # fmt: skip


def bert_like(
    config: Configuration, title: str, *, vocab: int, segments: int, context: int, reserved: int, head: str
) -> str:
    """The spec. `reserved`: rows of the table of positions that no token uses; `head`: what follows the layers."""
    width = config.get("hidden_size", 768)
    positions = config.get("max_position_embeddings", context)
    config.only("position_embedding_type", "absolute", "positions other than learned vectors")
    config.only("is_decoder", False, "causal attention")
    padding = f", padding_idx={reserved - 1 if reserved else 0}"
    kind = config.get("type_vocab_size", segments)
    return f"""archcalc: 1
name: {title}
params: {{T: {positions - reserved}, vocab: {config.get("vocab_size", vocab)}}}
input: {{words: {{shape: [T], dtype: int64, vocab: vocab}}, segments: {{shape: [T], dtype: int64, vocab: {kind}}}}}
defaults:
  layernorm: {{eps: {config.get("layer_norm_eps", 1e-12)}}}
blocks:
{block(config)}
layers:
  - words -> word_embeddings = embedding(vocab, {width}{padding})
  - segments -> token_type_embeddings = embedding({kind}, {width})
  - add: [word_embeddings, token_type_embeddings]
  - position_embeddings = position_embedding({positions}) -> layernorm
  - encoder = block * {config.get("num_hidden_layers", 12)}
{head}"""


def pooler(config: Configuration) -> str:
    width = config.get("hidden_size", 768)
    return f"select(0) -> pooler = linear({width}) -> tanh"


def words_again(config: Configuration, names: tuple[str, str, str], width: int, act: str) -> str:
    """The head that names hidden words. `names`: of its map, its norm, and the map to the vocabulary."""
    config.read.add("tie_word_embeddings")
    tie = ", tie=word_embeddings" if config.fields.get("tie_word_embeddings", True) is not False else ""
    dense, norm, decoder = names
    return f"{dense} = linear({width}) -> {act} -> {norm} = layernorm -> {decoder} = linear(vocab{tie})"


OF_TOKENS = {
    "ForTokenClassification": "  - classifier = linear(LABELS)\n",
    "ForQuestionAnswering": "  - qa_outputs = linear(2)\n",
}
"""Heads that all encoders have in common."""


def of_pretraining(words: str, pooled: str, name: str, classes: str) -> str:
    """Two heads: hidden words, and the `classes` of two sentences, by a map of this name."""
    return (
        f"  - last = identity\n  - {words}\n"
        f"  - last -> {pooled} -> {name} = linear({classes})\noutputs: [lm_head, {name}]\n"
    )


def head_of_encoder(config: Configuration, heads: Mapping[str, str], alone: str) -> str:
    """The head by the last words of the class. `alone`: of a class without one, or with one that is not known."""
    config.read.add("tie_word_embeddings")
    for ending, text in {**heads, **OF_TOKENS}.items():
        if config.architecture.endswith(ending):
            return text.replace("LABELS", str(config.labels))
    if config.architecture and not is_alone(config):
        left_out(config, "with its pooler" if "pooler" in alone else "without a head")
    return alone
