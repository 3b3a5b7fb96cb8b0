"""What BERT and RoBERTa have in common: a sum of embeddings, blocks with norms at their ends, a pooler."""

from archcalc.importing.configuration import Configuration


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
