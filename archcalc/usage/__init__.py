"""How the command line presents itself: options in groups, examples, hints.

In: the declarations of options. Out: click commands and options. To touch: the groups of `--help` and its form.
"""
