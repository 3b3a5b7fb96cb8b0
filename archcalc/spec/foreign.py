"""Words of other formats and languages: keys of a document, functions of expressions, and what to write here."""

from collections.abc import Collection, Mapping

from archcalc.core.diagnostic import did_you_mean

PARAMS = "name numbers in params: params: {w: 64, depths: [2, 2]}"

BLOCKS = "name groups of layers in blocks: blocks: {basic(c): [conv(3, c, p1), relu]}"

LAYERS = "write the network as a list of layers: layers: [conv(3, 64), relu]"

COMMAND_LINE = "it is no part of a network: archcalc report has --batch, --dtype and --optimizer"

SOURCE = "name papers, addresses and authors in source"

KEYS: Mapping[str, str] = {
    **dict.fromkeys(("variables", "constants", "config", "hyperparameters", "hparams", "settings", "args"), PARAMS),
    **dict.fromkeys(("modules", "functions", "define", "macros", "templates", "cells"), BLOCKS),
    **dict.fromkeys(("model", "network", "architecture", "graph", "backbone", "encoder", "decoder", "head"), LAYERS),
    **dict.fromkeys(("batch", "batch_size", "dtype", "precision", "optimizer", "device"), COMMAND_LINE),
    **dict.fromkeys(("reference", "references", "paper", "author", "authors", "url", "citation"), SOURCE),
    "loss": "a network ends with its outputs; leave the loss out",
    "title": "write name",
    "description": "write about",
    "comment": "write about, or a comment behind #",
    "include": "write import",
    "extends": "write import for blocks of another file, or variants for other parameters of this one",
    "version": "write archcalc: 1, the version of the language",
    "tests": "write expect",
    "assert": "write expect",
    "freeze": "write freeze=true in a call",
}
"""By key: what to write at the top of a document."""

FUNCTIONS: Mapping[str, str] = {
    "int": "write floor(...), or // for a whole quotient",
    "float": "leave it out: numbers are exact",
    "list": "leave it out: range(...) is a list",
    "tuple": "write [a, b]",
    "pow": "write **",
    "mod": "write %",
    "abs": "write max(n, -n)",
    "clamp": "write min(max(n, least), most)",
    "clip": "write min(max(n, least), most)",
    "prod": "write the product itself: a * b",
    "sumprod": "write the sum itself: a * b + c * d",
    "exp": "leave it out: numbers are exact",
    "sorted": "write the list in order",
    "any": "write or between conditions",
    "all": "write and between conditions",
    "round_to": "write make_divisible(n, 8), or ceil(n / 8) * 8",
    "align": "write ceil(n / 8) * 8",
    "gcd": "write the number itself",
    "lcm": "write the number itself",
    "log10": "write log(n, 10)",
    "cdiv": "write ceil(a / b)",
}
"""By function: what to write in an expression."""


def key_help(key: str, known: Collection[str]) -> str:
    """What to write for a key that a document does not have; empty if it is not known.

    >>> key_help("title", ["name"]), key_help("layer", ["layers"]), key_help("classes", ["params"])
    ('write name', "did you mean 'layers'?", '')
    """
    return KEYS.get(key) or did_you_mean(key, known)


def function_help(name: str, known: Collection[str]) -> str:
    """What to write for a function that does not exist, with a module of Python before it or without; empty if it is
    not known.

    >>> function_help("math.ceil", ["ceil"]), function_help("int", ["min"])
    ('write ceil(...)', 'write floor(...), or // for a whole quotient')
    """
    bare = name.rpartition(".")[2]
    if bare != name and bare in known:
        return f"write {bare}(...)"
    return FUNCTIONS.get(bare) or did_you_mean(name, known)
