"""Comparison: what differs between two networks, and where the difference of their totals comes from.

In: two `Report`s; or one and the number that its total should be. Out: a `Comparison`, whose differences add up to the
difference of the totals.
To touch: formats/ to add an output format, pairing.py for which layers correspond, differing.py for what is compared.
"""
