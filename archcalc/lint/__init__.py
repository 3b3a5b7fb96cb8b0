"""Checks: weaknesses of a design, and differences between a network and the expectations of its spec.

In: a `Document` and its `Graph`. Out: diagnostics, and edits for safe fixes.
To touch: rules/ to add a rule; the machine-readable formats of diagnostics; the JSON Schema of specs.
"""
