"""What BERT and RoBERTa have in common: a sum of embeddings, blocks with norms at their ends, a pooler."""

from archcalc.importing.configuration import Configuration


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


def bert_like(config: Configuration, title: str, *, vocab: int, segments: int, context: int, reserved: int) -> str:
    """The spec of the model with its pooler. `reserved`: rows of the table of positions that no token uses."""
    width, heads = config.get("hidden_size", 768), config.get("num_attention_heads", 12)
    positions = config.get("max_position_embeddings", context)
    if config.architecture and not config.architecture.endswith("Model"):
        config.warn(f"the head of {config.architecture[:60]} is left out: the spec is of the model with its pooler")
    config.read.add("tie_word_embeddings")
    config.only("position_embedding_type", "absolute", "positions other than learned vectors")
    config.only("is_decoder", False, "causal attention")
    padding = f", padding_idx={reserved - 1 if reserved else 0}"
    kind, act = config.get("type_vocab_size", segments), config.act("hidden_act", "gelu")
    return f"""archcalc: 1
name: {title}
params: {{T: {positions - reserved}, vocab: {config.get("vocab_size", vocab)}}}
input: {{words: {{shape: [T], dtype: int64, vocab: vocab}}, segments: {{shape: [T], dtype: int64, vocab: {kind}}}}}
defaults:
  layernorm: {{eps: {config.get("layer_norm_eps", 1e-12)}}}
blocks:
  block:
    - add: [attention({heads}), prev]
    - norm1 = layernorm
    - add: ["linear({config.get("intermediate_size", 3072)}) -> {act} -> linear({width})", prev]
    - norm2 = layernorm
layers:
  - words -> word_embeddings = embedding(vocab, {width}{padding})
  - segments -> token_type_embeddings = embedding({kind}, {width})
  - add: [word_embeddings, token_type_embeddings]
  - position_embeddings = position_embedding({positions}) -> layernorm
  - encoder = block * {config.get("num_hidden_layers", 12)}
  - select(0) -> pooler = linear({width}) -> tanh
"""
