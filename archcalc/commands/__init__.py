"""The commands of the command line, one per file; each file declares its command as `command`.

In: arguments and options. Out: text on stdout or in a file, diagnostics on stderr, an exit code.
To touch: add a file, and its summary in usage/declared.py. A command computes nothing itself.
"""
