"""Code generation: a graph as readable PyTorch source, one module class for each block, names as in the spec.

In: a `Graph`. Out: a `Source`: text, and which line makes which layer.
To touch: how classes and `forward` are written. What a layer's module is stands in the layer's own `call`.
"""

from archcalc.codegen.source import Source, generate

__all__ = ["Source", "generate"]
