"""DistilBERT: BERT without segments and pooler. Defaults: DistilBertConfig of transformers 5.24."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import flag
from archcalc.importing.encoders import BLOCK, head_of_encoder, qkv, words_again

LAYER = "distilbert.transformer.layer.*"

BODY = {
    "word_embeddings": "distilbert.embeddings.word_embeddings",
    "position_embeddings": "distilbert.embeddings.position_embeddings",
    "layernorm1": "distilbert.embeddings.LayerNorm",
    **qkv("encoder.*.attention1", f"{LAYER}.attention", ("q_lin", "k_lin", "v_lin")),
    "encoder.*.attention1.out_proj": f"{LAYER}.attention.out_lin",
    "encoder.*.norm1": f"{LAYER}.sa_layer_norm",
    "encoder.*.linear1": f"{LAYER}.ffn.lin1",
    "encoder.*.linear2": f"{LAYER}.ffn.lin2",
    "encoder.*.norm2": f"{LAYER}.output_layer_norm",
}

NAMES = (BODY,)


def spec(config: Configuration) -> str:
    width, act = config.get("dim", 768), config.act("activation", "gelu")
    positions, padding = config.get("max_position_embeddings", 512), config.fields.get("pad_token_id", 0)
    config.read |= {"sinusoidal_pos_embds", "hidden_size"}
    words = words_again(config, ("vocab_transform", "vocab_layer_norm", "vocab_projector"), width, act)
    head = head_of_encoder(
        config,
        {
            "ForMaskedLM": f"  - {words}\n",
            "ForSequenceClassification": f"  - select(0) -> pre_classifier = linear({width}) -> relu -> "
            "classifier = linear(LABELS)\n",
        },
        "",
    )
    block = BLOCK.format(heads=config.get("n_heads", 12), size=config.get("hidden_dim", 3072), act=act, width=width)
    pad = f", padding_idx={padding}" if type(padding) is int else ""
    frozen = f", freeze={flag(True)}" if config.get("sinusoidal_pos_embds", False) else ""
    return f"""archcalc: 1
name: DistilBERT
params: {{T: {positions}, vocab: {config.get("vocab_size", 30522)}}}
input: {{words: {{shape: [T], dtype: int64, vocab: vocab}}}}
defaults:
  layernorm: {{eps: 1e-12}}
blocks:
{block}
layers:
  - word_embeddings = embedding(vocab, {width}{pad})
  - position_embeddings = position_embedding({positions}{frozen}) -> layernorm
  - encoder = block * {config.get("n_layers", 6)}
{head}"""
