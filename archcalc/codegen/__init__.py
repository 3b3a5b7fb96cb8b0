"""Code generation: a graph as readable PyTorch source, one module class per block, with the names of the spec.

In: a `Graph`. Out: a `Source`: the text, and the line of every layer.
To touch: how classes and `forward` are written. The module of a layer is defined in the layer's own `call`.
"""

from archcalc.codegen.source import Source, generate

__all__ = ["Source", "generate"]
