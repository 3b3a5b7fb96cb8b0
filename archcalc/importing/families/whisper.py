"""Whisper. Defaults: WhisperConfig of transformers 5.24. Keys have no bias; the positions of the encoder are fixed."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.heads import is_alone, left_out


def named(ours: str, theirs: str, attention: dict[str, str]) -> dict[str, str]:
    """Names in checkpoints of the layers of one half. `attention`: of its attention layers."""
    names = {"layernorm1": "self_attn_layer_norm", **attention}
    names |= {"mlp1.layernorm1": "final_layer_norm", "mlp1.linear1": "fc1", "mlp1.linear2": "fc2"}
    return {f"{ours}.*.{key}": f"{theirs}.layers.*.{name}" for key, name in names.items()}


def parts(ours: str, theirs: str) -> dict[str, str]:
    """The maps of an attention layer, whose last one has another name."""
    return {f"{ours}.o_proj": f"{theirs}.out_proj", f"{ours}.out_proj": f"{theirs}.out_proj", ours: theirs}


OWN = parts("self_attn", "self_attn")

NAMES = (
    {
        **named("encoder", "model.encoder", OWN),
        **named(
            "decoder", "model.decoder",
            {**OWN, **parts("encoder_attn", "encoder_attn"), "layernorm2": "encoder_attn_layer_norm"},
        ),
        "conv1": "model.encoder.conv1",
        "conv2": "model.encoder.conv2",
        "memory": "model.encoder.layer_norm",
        "embed_tokens": "model.decoder.embed_tokens",
        "position_embedding1": "model.encoder.embed_positions",
        "position_embedding2": "model.decoder.embed_positions",
        "last_norm": "model.decoder.layer_norm",
        "proj_out": "proj_out",
    },
)  # fmt: skip


OF_TRAINING = frozenset((
    "alignment_heads", "apply_spec_augment", "classifier_proj_size", "is_encoder_decoder", "is_multilingual",
    "lang_to_id", "mask_feature_length", "mask_feature_min_masks", "mask_feature_prob", "mask_time_length",
    "mask_time_min_masks", "mask_time_prob", "median_filter_width", "num_hidden_layers", "task_to_id",
    "tie_word_embeddings", "use_weighted_layer_sum",
))  # fmt: skip
"""Fields that change no layer of the model."""


def spec(config: Configuration) -> str:
    width, act = config.get("d_model", 384), config.act("activation_function", "gelu")
    frames, length = config.get("max_source_positions", 1500), config.get("max_target_positions", 448)
    config.only("scale_embedding", False, "embeddings times the root of the width")
    config.read |= OF_TRAINING
    encoder, decoder = config.get("encoder_attention_heads", 6), config.get("decoder_attention_heads", 6)
    return f"""archcalc: 1
name: Whisper
params: {{T: {length}, vocab: {config.get("vocab_size", 51865)}}}
input:
  sound: [{config.get("num_mel_bins", 80)}, {2 * frames}]
  words: {{shape: [T], dtype: int64, vocab: vocab}}
defaults:
  grouped_attention: {{qkv_bias: true, k_bias: false, out_bias: true}}
  cross_attention: {{k_bias: false}}
blocks:
  mlp(size):
    - add: ["layernorm -> linear(size) -> {act} -> linear({width})", prev]
  encode:
    - add: ["layernorm -> self_attn = grouped_attention({encoder})", x]
    - mlp({config.get("encoder_ffn_dim", 1536)})
  decode(memory):
    - add: ["layernorm -> self_attn = grouped_attention({decoder}, causal=true)", x]
    - add: ["layernorm -> encoder_attn = cross_attention({decoder}, memory)", prev]
    - mlp({config.get("decoder_ffn_dim", 1536)})
layers:
  - sound -> conv(3, {width}, p1) -> gelu -> conv(3, {width}, s2, p1) -> gelu -> tokens
  - position_embedding({frames}, freeze=true)
  - encoder = encode * {config.get("encoder_layers", 4)}
  - memory = layernorm
  - words -> embed_tokens = embedding(vocab, {width}) -> position_embedding({length})
  - decoder = decode(memory) * {config.get("decoder_layers", 4)}
  - last_norm = layernorm{head(config)}
"""


def head(config: Configuration) -> str:
    """The map to the vocabulary, whose weight is that of the words."""
    if config.architecture in ("", "WhisperForConditionalGeneration"):
        return " -> proj_out = linear(vocab, bias=false, tie=embed_tokens)"
    return "" if is_alone(config) else left_out(config, "without a head")
