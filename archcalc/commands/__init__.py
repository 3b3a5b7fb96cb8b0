"""The command line, one command to a file; each file hands its click command on as `command`.

In: arguments and options. Out: text on stdout or in a file, diagnostics on stderr, an exit code.
To touch: add a file, and its summary in command.py. A command computes nothing.
"""
