"""The families of models, one per file, named after their `model_type`.

In: a `Configuration`, to the file's function `spec`. Out: the text of a spec with its numbers; SpecError if a field has
a value that no layer describes. Defaults are those of the family's class in transformers.
To touch: add a file. It is found by its name. What is true of no other family stands in its file.
"""
