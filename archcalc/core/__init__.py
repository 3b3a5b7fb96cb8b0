"""The types that every stage uses: volume, window, field, weight, arithmetic, kernel, condition, diagnostic, location.

In: plain values. Out: records, and the arithmetic on them.
To touch: codes.py to add a diagnostic. A type that only one stage uses belongs in that stage.
"""
