"""The KV cache: keys and values that decoding keeps, so that they need not be computed again."""

from archcalc.core.dim import Dim
from archcalc.core.volume import ITEMSIZE
from archcalc.graph.graph import Node
from archcalc.measure import measure


@measure("kv_cache_bytes_per_token", title="KV bytes per token", noun="KV cache per token", unit="byte")
def kv_cache_bytes_per_token(node: Node) -> Dim:
    """Bytes of keys and values that decoding keeps for one token of one sample.

    Source: Shazeer 2019, arXiv:1911.02150, section 2.4 (incremental decoding).
    """
    return node.layer.cached(*node.inputs[: node.layer.carries]) * ITEMSIZE[node.output.dtype]


@measure("kv_cache_bytes", title="KV bytes", noun="KV cache", unit="byte")
def kv_cache_bytes(node: Node) -> Dim:
    """Bytes of keys and values for the whole batch at the input's length; with a window, of its last tokens.

    Source: Shazeer 2019, arXiv:1911.02150, section 2.4; the window: Jiang et al. 2023, arXiv:2310.06825, section 2
    (rolling buffer cache).
    """
    per_token = kv_cache_bytes_per_token(node)
    if per_token == 0:
        return 0
    x = node.inputs[0]
    return per_token * node.layer.cached_tokens(x) * x.batch
