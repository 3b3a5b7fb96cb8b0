"""Compares receptive fields with dye: NaN in the input, and the output elements it reaches.

In: a built network and its fields. Out: rows. To touch: how fields are measured.
"""
