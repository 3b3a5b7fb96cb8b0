"""The KV cache: what decoding stores per token, so that keys and values are not computed again."""

from archcalc.core.dim import Dim
from archcalc.core.volume import ITEMSIZE
from archcalc.graph.graph import Node
from archcalc.measure import measure


@measure("kv_cache_bytes", title="KV bytes", noun="KV cache", unit="byte")
def kv_cache_bytes(node: Node) -> Dim:
    """Bytes of the KV cache per token, for all samples of the batch.

    Source: Shazeer 2019, arXiv:1911.02150, section 2.4 (incremental decoding).
    """
    return node.layer.cached(*node.inputs[: node.layer.carries]) * ITEMSIZE[node.output.dtype]
