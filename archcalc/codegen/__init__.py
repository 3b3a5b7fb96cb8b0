"""A graph as readable PyTorch source: one module class for each block, names as in the spec."""

from archcalc.codegen.source import Source, generate

__all__ = ["Source", "generate"]
