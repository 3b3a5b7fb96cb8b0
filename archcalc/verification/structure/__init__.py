"""Compares shapes, `state_dict`, parameters and closed forms with the built module, at several sizes.

In: a built network and its graph. Out: rows. To touch: what of a network's structure is compared.
"""
