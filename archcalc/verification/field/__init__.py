"""Receptive fields against dye: NaN in the input, and which output elements it reaches.

In: a built network and its fields. Out: rows. To touch: how fields are measured.
"""
