"""The formats of checkpoints, one per file, named after the suffix that it reads.

In: a path, to the file's function `read`. Out: the names, shapes and dtypes of its tensors, or SpecError.
To touch: add a file. It is found by its name.
"""
