"""The cache of keys and values: what decoding keeps of every token, so that it need not be computed again."""

from archcalc.core.dim import Dim
from archcalc.core.volume import ITEMSIZE
from archcalc.graph.graph import Node
from archcalc.measure import measure


@measure("kv_cache_bytes", title="KV bytes", noun="cache of keys and values", unit="byte")
def kv_cache_bytes(node: Node) -> Dim:
    """Bytes that decoding keeps for each token of each item.

    Source: Shazeer 2019, arXiv:1911.02150, section 2.4 (incremental decoding).
    """
    return node.layer.cached(*node.inputs[: node.layer.carries]) * ITEMSIZE[node.output.dtype]
