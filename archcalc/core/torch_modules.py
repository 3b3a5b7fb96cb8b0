"""The modules that torch lacks, as text."""

import pkgutil
from functools import cache
from importlib.util import decode_source


@cache
def text_of(file: str) -> str:
    """What stands below the imports of a file in layers/torch_modules, which is read and never imported."""
    source = pkgutil.get_data("archcalc.layers", f"torch_modules/{file}.py")
    assert source is not None, "what loads a package from files reads them"
    _, _, below = decode_source(source).partition("\n\n\n")
    return below
