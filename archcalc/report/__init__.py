"""The report: the numbers of a network, layer by layer and in total.

In: a `Graph`, a counting convention, optionally a `Footprint`. Out: a `Report`, and its text in a format.
To touch: formats/ to add one. A format computes nothing.
"""
