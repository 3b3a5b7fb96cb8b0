"""The kinds of references, one per file, named after the prefix or suffix that it reads.

In: a reference and the overrides of the command line. Out: its `Document`, or SpecError.
To touch: add a file with the functions `claims` and `read` of graph/sources.py. It is found by its name and imported
only when such a reference is read.
"""
