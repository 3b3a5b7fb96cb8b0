"""How the command line is read and presents itself: declarations, plain lines, options in groups, examples, hints.

In: the declarations of options. Out: values of plain lines, or click commands. To touch: the groups of `--help` and its form.
"""
