"""Checks: what is unsound in a design, and where a network differs from what its spec expects.

In: a `Document` and its `Graph`. Out: diagnostics, and edits that fix what can be fixed safely.
To touch: rules/ to add one; how diagnostics are written for machines; the JSON Schema of specs.
"""
