"""What DeepSeek-V2 and V3 have in common: latent attention, and experts in all layers but the first ones."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import flag, gated, tokens


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


def latent_decoder(
    config: Configuration,
    title: str,
    *,
    mixture: str,
    width: int,
    heads: int,
    hidden: int,
    depth: int,
    vocab: int,
    dense: int,
    context: int,
) -> str:
    """The spec. `dense`: how many layers have an MLP in place of experts; the other numbers are defaults."""
    for name in ("attention_bias", "mlp_bias"):
        config.only(name, False, "biases")
    config.read |= {"head_dim", "qk_head_dim", "num_key_value_heads", "first_k_dense_replace", "q_lora_rank"}
    config.read |= {"ep_size", "aux_loss_alpha", "seq_aux"}
    first = config.fields.get("first_k_dense_replace", dense)
    if type(first) is not int or first < 0:
        raise config.wrong("first_k_dense_replace", "is no number of layers")
    width = config.get("hidden_size", width)
    rank = config.get("q_lora_rank", 1536) if config.fields.get("q_lora_rank", 1536) is not None else None
    attention = (
        f"latent_attention({config.get('num_attention_heads', heads)}, "
        f"kv_lora_rank={config.get('kv_lora_rank', 512)}, {f'q_lora_rank={rank}, ' if rank else ''}"
        f"qk_nope_head_dim={config.get('qk_nope_head_dim', 128)}, "
        f"qk_rope_head_dim={config.get('qk_rope_head_dim', 64)}, v_head_dim={config.get('v_head_dim', 128)}, "
        f"rope={config.rope(1e4)})"
    )
    tie = ", tie=model.embed_tokens" if config.get("tie_word_embeddings", False) else ""
    head = f"  - lm_head = linear(vocab, bias=false{tie})\n"
    act, size = config.act("hidden_act", "silu"), config.get("intermediate_size", hidden)
    return f"""archcalc: 1
name: {title}
params: {{T: {tokens(config, context)}, vocab: {config.get("vocab_size", vocab)}}}
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
    - layers = block(i >= {first}) for i in range({config.get("num_hidden_layers", depth)})
    - norm = rmsnorm
layers:
  - model = decoder
{head if "ForCausalLM" in config.architecture or not config.architecture else ""}"""
