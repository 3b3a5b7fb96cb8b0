"""ALBERT: one block for all layers, and a narrower embedding. Defaults: AlbertConfig of transformers 5.24."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.encoders import BLOCK, head_of_encoder, inside, of_pretraining, qkv, words_again

GROUP = "encoder.albert_layer_groups.0.albert_layers.0"

BODY = {
    "word_embeddings": "embeddings.word_embeddings",
    "token_type_embeddings": "embeddings.token_type_embeddings",
    "position_embeddings": "embeddings.position_embeddings",
    "layernorm1": "embeddings.LayerNorm",
    "wider": "encoder.embedding_hidden_mapping_in",
    **qkv("layer.attention1", f"{GROUP}.attention", ("query", "key", "value")),
    "layer.attention1.out_proj": f"{GROUP}.attention.dense",
    "layer.norm1": f"{GROUP}.attention.LayerNorm",
    "layer.linear1": f"{GROUP}.ffn",
    "layer.linear2": f"{GROUP}.ffn_output",
    "layer.norm2": f"{GROUP}.full_layer_layer_norm",
}

NAMES = (
    BODY,
    {
        **inside("albert", BODY),
        "pooler": "albert.pooler",
        "transform": "predictions.dense",
        "transform_norm": "predictions.LayerNorm",
        "lm_head.bias": "predictions.bias",
        "lm_head": "predictions.decoder",
        "sop_classifier": "sop_classifier.classifier",
    },
)


def spec(config: Configuration) -> str:
    width, narrow = config.get("hidden_size", 4096), config.get("embedding_size", 128)
    depth, act = config.get("num_hidden_layers", 12), config.act("hidden_act", "gelu_new")
    config.only("num_hidden_groups", 1, "several groups of layers")
    config.only("inner_group_num", 1, "several layers in a group")
    config.only("position_embedding_type", "absolute", "positions other than learned vectors")
    config.read |= {"down_scale_factor", "gap_size", "net_structure_type", "num_memory_blocks"}
    positions, kinds = config.get("max_position_embeddings", 512), config.get("type_vocab_size", 2)
    block = BLOCK.format(
        heads=config.get("num_attention_heads", 64), size=config.get("intermediate_size", 16384), act=act, width=width
    )
    return f"""archcalc: 1
name: ALBERT
params: {{T: {positions}, vocab: {config.get("vocab_size", 30000)}}}
input: {{words: {{shape: [T], dtype: int64, vocab: vocab}}, segments: {{shape: [T], dtype: int64, vocab: {kinds}}}}}
defaults:
  layernorm: {{eps: {config.get("layer_norm_eps", 1e-12)}}}
blocks:
{block}
layers:
  - words -> word_embeddings = embedding(vocab, {narrow}, padding_idx=0)
  - segments -> token_type_embeddings = embedding({kinds}, {narrow})
  - add: [word_embeddings, token_type_embeddings]
  - position_embeddings = position_embedding({positions}) -> layernorm -> wider = linear({width})
  - layer = block
{f"  - layer() * {depth - 1}" if depth > 1 else ""}
{head(config, width, narrow, act)}"""


def head(config: Configuration, width: int, narrow: int, act: str) -> str:
    words = words_again(config, ("transform", "transform_norm", "lm_head"), narrow, act)
    pooled = f"select(0) -> pooler = linear({width}) -> tanh"
    return head_of_encoder(
        config,
        {
            "ForMaskedLM": f"  - {words}\n",
            "ForPreTraining": of_pretraining(words, pooled, "sop_classifier", "LABELS"),
            "ForSequenceClassification": f"  - {pooled} -> classifier = linear(LABELS)\n",
        },
        f"  - {pooled}\n",
    )
