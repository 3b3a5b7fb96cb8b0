"""The graph: a located document becomes nodes with resolved names, bound arguments and inferred volumes.

In: a `Document` of spec/, sizes, the names to leave free. Out: a complete `Graph`, or SpecError with every problem.
To touch: how blocks expand, names resolve and specs are found. Layers are defined in layer.py and layers/.
"""
