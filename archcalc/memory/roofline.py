"""The roofline: the minimum time of a layer on a device with two known ceilings, and which of them limits it.

t >= max(FLOPs / peak, bytes / bandwidth), where FLOPs are those of contractions, and every input, output and weight
goes through memory once. Source: Williams, Waterman & Patterson 2009, Communications of the ACM 52(4), 65-76.

This is a lower bound under these two assumptions, not an estimate. A layer can be faster if it reads only part of its
input, finds it in a cache, or computes a convolution with fewer multiplications (Winograd).
"""

from collections.abc import Mapping

from archcalc.core.kernel import Run
from archcalc.core.volume import ITEMSIZE
from archcalc.graph.graph import Graph, Node
from archcalc.measures.arithmetic import flops
from archcalc.measures.output_bytes import output_bytes
from archcalc.record import record

COMPUTE, MEMORY, NOTHING = "compute", "memory", "nothing"
"""What bounds a layer: arithmetic, memory, or nothing if it only views its input in another shape."""


@record
class Ceilings:
    """The best rates of a device: FLOP/s of a matrix product, bytes/s (read plus written) of a copy."""

    peak: float
    bandwidth: float

    @property
    def ridge(self) -> float:
        """The intensity above which arithmetic is the limit, in FLOPs per byte."""
        return self.peak / self.bandwidth


@record
class Work:
    """The work of a layer: FLOPs, and bytes to move."""

    flops: int
    nbytes: int

    @property
    def intensity(self) -> float:
        """Arithmetic intensity, in FLOPs per byte; 0 if there is no work.

        >>> Work(flops=600, nbytes=200).intensity
        3.0
        """
        return self.flops / self.nbytes if self.nbytes else 0.0

    def floor(self, ceilings: Ceilings) -> float:
        """The minimum time, in seconds.

        >>> Work(flops=600, nbytes=200).floor(Ceilings(peak=100, bandwidth=50))
        6.0
        """
        return max(self.flops / ceilings.peak, self.nbytes / ceilings.bandwidth)

    def bound(self, ceilings: Ceilings) -> str:
        """Which ceiling determines the floor.

        >>> slow = Ceilings(peak=100, bandwidth=50)
        >>> [Work(each, 200).bound(slow) for each in (400, 399)], Work(0, 0).bound(slow)
        (['compute', 'memory'], 'nothing')
        """
        if not self.nbytes:
            return NOTHING
        return COMPUTE if self.intensity >= ceilings.ridge else MEMORY


def work_of(graph: Graph) -> Mapping[str, Work]:
    """The work of every layer in inference, by name, for a network without free sizes."""
    return {node.name: work_of_layer(graph, node) for node in graph}


def work_of_layer(graph: Graph, node: Node) -> Work:
    return Work(flops(node), bytes_moved(graph, node))


def bytes_moved(graph: Graph, node: Node) -> int:
    """Bytes of inputs, outputs and weights, buffers among them; none of a layer that computes nothing in inference."""
    if all(kernel.layout.view for kernel in node.layer.kernels(Run(training=False), node.output, *node.inputs)):
        return 0
    owner = graph.by_name[node.module]  # the other layer, if this one runs it again
    weights = sum(weight.numel * ITEMSIZE[weight.dtype] for weight in owner.weights)
    return sum(volume.nbytes for volume in node.inputs) + output_bytes(node) + weights
