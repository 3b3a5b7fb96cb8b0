"""Explanations: the numbers of a layer, derived step by step from the layer's own formulas.

In: a `Graph` and the name of a layer, or the code of a diagnostic. Out: an `Explanation`, and its text.
To touch: derivations/ to add a quantity.
"""
