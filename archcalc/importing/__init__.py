"""Importing: networks that exist as code, as a model file or as a configuration become specs.

In: a reference (`py:net:Net`, `model.onnx`, `config.json`) and what the command line changes. Out: a `Document`, as a
spec gives one, or SpecError.
To touch: sources/ to add a kind of reference.
"""
