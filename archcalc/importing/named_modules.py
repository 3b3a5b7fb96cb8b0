"""The modules of torch that a file of Python defines, read from its text: nothing of it runs."""

import ast
from collections.abc import Iterator, Sequence

from archcalc.core.diagnostic import SpecError, enumerated
from archcalc.spec.document import read_regular


def modules_in(path: str) -> Sequence[str]:
    """The classes of a file that have a method `forward`, in their order; none where it cannot be read."""
    try:
        return list(classes(ast.parse(read_regular(path))))
    except (OSError, SpecError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def classes(tree: ast.Module) -> Iterator[str]:
    for each in tree.body:
        if isinstance(each, ast.ClassDef) and any(getattr(part, "name", "") == "forward" for part in each.body):
            yield each.name


def how_to_name(path: str) -> str:
    """What to write for a module of a file: for the last one, which usually is the network."""
    names = modules_in(path)
    example = f"py:{path}:{names[-1] if names else 'Net'} --input 3,224,224"
    if not names:
        return f"name a class or a function in it, with the prefix: {example}"
    return f"it has {enumerated(names)}: write {example}"
