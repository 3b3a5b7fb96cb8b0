"""The roofline: the least time that a layer takes on a device whose two ceilings are known, and which of them it meets.

t >= max(FLOPs / peak, bytes / bandwidth), where FLOPs are those of contractions, and every input, output and weight
goes through memory once. Source: Williams, Waterman & Patterson 2009, Communications of the ACM 52(4), 65-76.

It is a lower bound under those two assumptions and no estimate. What reads only part of its input, finds it in a cache,
or computes a convolution with fewer multiplications (Winograd's) can be faster than it says.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from archcalc.core.kernel import Run
from archcalc.core.volume import ITEMSIZE
from archcalc.graph.graph import Graph, Node
from archcalc.measures.arithmetic import flops
from archcalc.measures.output_bytes import output_bytes

COMPUTE, MEMORY, NOTHING = "compute", "memory", "nothing"
"""What bounds a layer: arithmetic, memory, or neither: it only sees its input in another shape."""


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What a device does at its best: FLOP/s of a matrix product, bytes/s of a copy, those read and those written."""

    peak: float
    bandwidth: float

    @property
    def ridge(self) -> float:
        """The intensity from which on arithmetic is what bounds, in FLOPs for each byte."""
        return self.peak / self.bandwidth


@dataclass(frozen=True, slots=True)
class Work:
    """What a layer has to do: FLOPs, and bytes to be moved."""

    flops: int
    nbytes: int

    @property
    def intensity(self) -> float:
        """Arithmetic intensity, in FLOPs for each byte; 0 where there is nothing to do.

        >>> Work(flops=600, nbytes=200).intensity
        3.0
        """
        return self.flops / self.nbytes if self.nbytes else 0.0

    def floor(self, ceilings: Ceilings) -> float:
        """The least time, in seconds.

        >>> Work(flops=600, nbytes=200).floor(Ceilings(peak=100, bandwidth=50))
        6.0
        """
        return max(self.flops / ceilings.peak, self.nbytes / ceilings.bandwidth)

    def bound(self, ceilings: Ceilings) -> str:
        """Which ceiling the floor is of.

        >>> slow = Ceilings(peak=100, bandwidth=50)
        >>> [Work(each, 200).bound(slow) for each in (400, 399)], Work(0, 0).bound(slow)
        (['compute', 'memory'], 'nothing')
        """
        if not self.nbytes:
            return NOTHING
        return COMPUTE if self.intensity >= ceilings.ridge else MEMORY


def work_of(graph: Graph) -> Mapping[str, Work]:
    """What every layer of a network of numbers has to do in inference, by name."""
    return {node.name: work_of_layer(graph, node) for node in graph}


def work_of_layer(graph: Graph, node: Node) -> Work:
    return Work(flops(node), bytes_moved(graph, node))


def bytes_moved(graph: Graph, node: Node) -> int:
    """Bytes of inputs, outputs and weights, buffers among them; none of a layer that computes nothing in inference."""
    if all(kernel.layout.view for kernel in node.layer.kernels(Run(training=False), node.output, *node.inputs)):
        return 0
    owner = graph.by_name[node.module]  # another layer's, where it runs that again
    weights = sum(weight.numel * ITEMSIZE[weight.dtype] for weight in owner.weights)
    return sum(volume.nbytes for volume in node.inputs) + output_bytes(node) + weights
