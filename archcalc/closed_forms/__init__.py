"""Closed forms: totals as formulas in free symbols, the valid sizes, and the values that fit a budget.

In: a `Graph` with free symbols. Out: `ClosedForms`, feasible sizes, memory in pieces, answers of `solve`.
To touch: formulas/ to add an output format.
"""
