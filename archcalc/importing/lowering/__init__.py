"""Lowering: operations of a program become layers.

In: a `Program`. Out: `Lowered`: steps, each a layer with its inputs, and findings.
To touch: rules/ to teach it a function. A rule states a layer; it is taken only if it gives the shape and the weights
that the program has.
"""
