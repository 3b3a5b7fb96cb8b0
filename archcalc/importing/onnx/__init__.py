"""ONNX files as programs: the wire format, the graph in it, and what its operators are in torch's words.

In: a path. Out: a `Program`. Weights are never read, only their names and shapes; nothing in the file runs.
To touch: add an operator to a file of operators/.
"""
