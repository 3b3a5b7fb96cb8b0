"""From text to a located document: YAML events, expressions, chains, declarations.

In: the text of a spec. Out: a `Document` whose every part knows its line and column, or SpecError.
To touch: the syntax of the language; what a name means is decided in graph/.
"""
