"""The graph: a located document becomes nodes with resolved names, bound arguments and inferred volumes.

In: a `Document` of spec/, sizes, what is to be free. Out: a `Graph`, whole, or SpecError with every problem.
To touch: how blocks expand, names resolve and specs are found; what a layer is stands in layer.py and layers/.
"""
