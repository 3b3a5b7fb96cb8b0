"""From text to a located document: YAML events, expressions, chains, declarations.

In: the text of a spec. Out: a `Document` whose parts all have a line and column, or SpecError.
To touch: the syntax of the language. The meaning of names is decided in graph/.
"""
