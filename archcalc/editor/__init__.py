"""A spec while it is written: its canonical layout, and a language server.

In: the text of a spec, and the messages of an editor. Out: the text laid out; problems, numbers, completions.
To touch: features/ for another request of an editor, layout.py for the rules of the layout.
"""
