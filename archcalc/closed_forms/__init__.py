"""Closed forms: totals as formulas in what is free, the sizes that are valid, and what fits a budget.

In: a `Graph` with free symbols. Out: a `ClosedForm`, feasible sizes, memory in pieces, answers of `solve`.
To touch: formulas/ to add a way to write a form.
"""
