"""Maps of names: a file in YAML with the names that a checkpoint gives to weights of a network."""

from archcalc.core.diagnostic import Problems, problem
from archcalc.spec.document import read_source
from archcalc.spec.reader import Mapping, Scalar, read_tree


def names_in(path: str) -> dict[str, str]:
    """The patterns of a map, in file order. Raises SpecError if it is none."""
    source = read_source(path)
    problems = Problems()
    root = read_tree(source, problems)
    problems.settle()
    if not isinstance(root, Mapping):
        raise problem(
            "AC543", f"{path} is not a mapping of names", root.where if root else None, help="write name: name"
        )
    found = {}
    for key, value in root.pairs:
        if not isinstance(value, Scalar) or not value.value:
            raise problem("AC543", f"'{key.value}' needs a name", key.where, help=f"write {key.value}: name")
        parts = (*key.value.split(" + "), *value.value.split(" + "))
        if len({each.count("*") for each in parts}) > 1:
            raise problem("AC543", "both names need the same number of *", value.where)
        found[key.value] = value.value
    return found
