"""T5 and its version 1.1, whose MLPs are gated. Defaults: T5Config of transformers 5.24."""

from archcalc.importing.configuration import ACTIVATIONS, Configuration
from archcalc.importing.heads import is_alone


def named(ours: str, theirs: str) -> dict[str, str]:
    """Names in checkpoints of a layer of the encoder, or of the decoder."""
    cross = ours.startswith("decoder")
    last = f"{theirs}.layer.{2 if cross else 1}"
    return {
        f"{ours}.rmsnorm1": f"{theirs}.layer.0.layer_norm",
        f"{ours}.own": f"{theirs}.layer.0.SelfAttention",
        f"{ours}.rmsnorm2": f"{theirs}.layer.1.layer_norm",
        f"{ours}.cross": f"{theirs}.layer.1.EncDecAttention",
        f"{ours}.mlp1.rmsnorm1": f"{last}.layer_norm",
        f"{ours}.mlp1.feed_forward1.linear1": f"{last}.DenseReluDense.wi",
        f"{ours}.mlp1.feed_forward1.linear2": f"{last}.DenseReluDense.wo",
        f"{ours}.mlp1.feed_forward1": f"{last}.DenseReluDense",
    }


NAMES = (
    {
        **named("encoder0", "encoder.block.0"),
        **named("encoder.*", "encoder.block.*+1"),
        **named("decoder0", "decoder.block.0"),
        **named("decoder.*", "decoder.block.*+1"),
        "memory": "encoder.final_layer_norm",
        "rmsnorm1": "decoder.final_layer_norm",
    },
)


def spec(config: Configuration) -> str:
    """The spec of both halves, or of the encoder for the class of the encoder alone."""
    width, depth = config.get("d_model", 512), config.get("num_layers", 6)
    config.read |= {"n_positions", "is_gated_act", "dense_act_fn", "scale_decoder_outputs", "num_hidden_layers"}
    alone = "Encoder" in config.architecture
    if not alone:
        config.only("is_encoder_decoder", True, "a T5 without a decoder")
    config.read |= {"is_encoder_decoder", "is_decoder", "num_decoder_layers"}
    own = own_attention(config)
    target = "" if alone else ", target: {shape: [T], dtype: int64, vocab: vocab}"
    return f"""archcalc: 1
name: T5
params: {{{"" if alone else "T: 512, "}S: 512, vocab: {config.get("vocab_size", 32128)}}}
input: {{source: {{shape: [S], dtype: int64, vocab: vocab}}{target}}}
defaults:
  linear: {{bias: false}}
  rmsnorm: {{eps: {config.get("layer_norm_epsilon", 1e-6)}}}
  t5_attention: {{d_kv: {config.get("d_kv", 64)}}}
blocks:{feed_forward(config, config.get("d_ff", 2048), width)}
  mlp:
    - add: ["rmsnorm -> feed_forward", prev]
  encode(first):
    - add: ["rmsnorm -> own = {own}, tie=first)", prev]
    - mlp{"" if alone else block_of_decoder(config, own)}
layers:
  - source -> shared = embedding(vocab, {width})
  - encoder0 = encode(none){f" -> encoder = encode(encoder0.own) * {depth - 1}" if depth > 1 else ""}
  - memory = rmsnorm
{decoder_of(config, width) if not alone else ""}"""


def own_attention(config: Configuration) -> str:
    """The call of attention within one sequence, up to its last arguments."""
    heads, buckets = config.get("num_heads", 8), config.get("relative_attention_num_buckets", 32)
    far = config.get("relative_attention_max_distance", 128)
    return f"t5_attention({heads}, num_buckets={buckets}, max_distance={far}"


def block_of_decoder(config: Configuration, own: str) -> str:
    return f"""
  decode(memory, first):
    - add: ["rmsnorm -> own = {own}, causal=true, tie=first)", prev]
    - add: ["rmsnorm -> cross = t5_attention({config.get("num_heads", 8)}, memory=memory)", prev]
    - mlp"""


def decoder_of(config: Configuration, width: int) -> str:
    """The layers from the second input on. Where the map to the vocabulary is shared, its input is scaled."""
    depth = config.given("num_decoder_layers") or config.get("num_layers", 6)
    tied = config.get("tie_word_embeddings", True)
    head = "scale(power=-0.5) -> lm_head = linear(vocab, tie=shared)" if tied else "lm_head = linear(vocab)"
    end = "" if is_alone(config) else f" -> {head}"
    return f"""  - target -> target_words = embedding(vocab, {width}, tie=shared)
  - decoder0 = decode(memory, none){f" -> decoder = decode(memory, decoder0.own) * {depth - 1}" if depth > 1 else ""}
  - rmsnorm{end}
"""


def feed_forward(config: Configuration, size: int, width: int) -> str:
    """The block of the MLP: `relu` between two maps, or a gate."""
    word = config.get("feed_forward_proj", "relu")
    gated, act = word.startswith("gated-"), word.removeprefix("gated-")
    if act not in ACTIVATIONS:
        raise config.wrong("feed_forward_proj", "is not known")
    name = "gelu(tanh)" if gated and act == "gelu" else ACTIVATIONS[act]
    if not gated:
        return f"""
  feed_forward: [linear({size}), {name}, linear({width})]"""
    return f"""
  feed_forward:
    - mul:
        - wi_0 = linear({size}) -> {name}
        - wi_1 = linear({size})
    - wo = linear({width})"""
