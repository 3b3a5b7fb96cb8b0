"""Sweeps: a whole space of designs evaluated by closed forms, and the best of it.

In: a spec, axes of values, conditions, objectives. Out: a `Sweep`: counts, and the designs that were asked for.
To touch: formats/ to add an output format. What is counted is in measures/ and memory/.
"""
