"""A spec while it is written: its canonical layout.

In: the text of a spec. Out: the text laid out. To touch: the rules of the layout.
"""
