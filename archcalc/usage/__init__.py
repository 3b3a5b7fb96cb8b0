"""How the command line is read and presents itself: declarations, plain lines, options in groups, examples, hints.

In: the declarations of options. Out: the values of plain lines, or click commands. To touch: the form of `--help`.
"""
