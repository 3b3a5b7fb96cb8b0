"""Integer algebra with floors: expressions in free symbols, and exact decisions about them.

In: symbols and integers. Out: an `Expr` in normal form, conditions decided, compiled forms.
To touch: rules of simplification; tests compare each with brute force. Nothing here depends on layers.
"""
