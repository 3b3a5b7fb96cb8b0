"""What DeepSeek-V2 and V3 have in common: latent attention, and experts in all layers but the first ones."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import flag, gated, head_of, tokens
from archcalc.record import record


def experts_of(
    config: Configuration, *, experts: int, shared: int, hidden: int, normed: bool, factor: float, more: str = ""
) -> str:
    """The call of a mixture; the numbers are defaults."""
    config.only("moe_layer_freq", 1, "experts in some of the layers")
    top = config.given("num_experts_per_tok")
    if top is None:
        if more:
            top = 8
        else:
            raise config.wrong("num_experts_per_tok", "has to be there")
    count, size = config.get("n_routed_experts", experts), config.get("moe_intermediate_size", hidden)
    return (
        f"mixture({count}, {top}, {size}, shared_experts={config.get('n_shared_experts', shared)}, "
        f"act={config.act('hidden_act', 'silu')}, norm_topk_prob={flag(config.get('norm_topk_prob', normed))}, "
        f"routed_scaling_factor={config.get('routed_scaling_factor', factor)}{more})"
    )


@record
class Sizes:
    """The defaults of a family. `dense`: how many layers have an MLP in place of experts."""

    width: int
    heads: int
    hidden: int
    depth: int
    vocab: int
    dense: int
    context: int


def attention_of(config: Configuration, heads: int) -> str:
    """The call of latent attention."""
    for name in ("attention_bias", "mlp_bias"):
        config.only(name, False, "biases")
    config.read |= {"head_dim", "qk_head_dim", "num_key_value_heads", "q_lora_rank"}
    rank = config.get("q_lora_rank", 1536) if config.fields.get("q_lora_rank", 1536) is not None else None
    return (
        f"latent_attention({config.get('num_attention_heads', heads)}, "
        f"kv_lora_rank={config.get('kv_lora_rank', 512)}, {f'q_lora_rank={rank}, ' if rank else ''}"
        f"qk_nope_head_dim={config.get('qk_nope_head_dim', 128)}, "
        f"qk_rope_head_dim={config.get('qk_rope_head_dim', 64)}, v_head_dim={config.get('v_head_dim', 128)}, "
        f"rope={config.rope(1e4)})"
    )


def dense_layers(config: Configuration, default: int) -> int:
    """How many of the first layers have an MLP; it may be none."""
    config.read |= {"first_k_dense_replace", "ep_size", "aux_loss_alpha", "seq_aux"}
    first = config.fields.get("first_k_dense_replace", default)
    if type(first) is not int or first < 0:
        raise config.wrong("first_k_dense_replace", "is no number of layers")
    return first


def latent_decoder(config: Configuration, title: str, mixture: str, sizes: Sizes) -> str:
    """The spec. `mixture`: the call of the experts."""
    width, attention = config.get("hidden_size", sizes.width), attention_of(config, sizes.heads)
    act, size = config.act("hidden_act", "silu"), config.get("intermediate_size", sizes.hidden)
    return f"""archcalc: 1
name: {title}
params: {{T: {tokens(config, sizes.context)}, vocab: {config.get("vocab_size", sizes.vocab)}}}
input: {{ids: {{shape: [T], dtype: int64, vocab: vocab}}}}
defaults:
  linear: {{bias: false}}
  rmsnorm: {{eps: {config.get("rms_norm_eps", 1e-6)}}}
blocks:{gated(size, width, act)}
  block(sparse):
    - add: ["input_layernorm = rmsnorm -> self_attn = {attention}", prev]
    - y = prev
    - post_attention_layernorm = rmsnorm
    - mlp = {mixture} if sparse else gated
    - add: [prev, y]
  decoder:
    - embed_tokens = embedding(vocab, {width})
    - layers = block(i >= {dense_layers(config, sizes.dense)}) for i in range({
        config.get("num_hidden_layers", sizes.depth)
    })
    - norm = rmsnorm
layers:
  - model = decoder
{head_of(config, tied=False)}"""
