"""The playground as a folder for any web server: `make site` writes it to site/.

The page and archcalc come from this package, PyYAML from where it is installed, and Python for browsers from pyodide's
npm package, whose folder is the argument.
"""

import shutil
import sys
from pathlib import Path

import yaml

from archcalc.pages.playground import site

FOLDER = Path(__file__).parent.parent / "site"

PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
"""What a browser loads of pyodide."""


def main(pyodide: Path, folder: Path = FOLDER) -> None:
    """Writes the site anew."""
    missing = [name for name in PYODIDE if not (pyodide / name).is_file()]
    if missing:
        sys.exit(f"{pyodide} has no {' and no '.join(missing)}: it is not pyodide's npm package")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "pyodide").mkdir(parents=True)
    for name, content in site([Path(yaml.__file__).parent]).items():
        (folder / name).write_bytes(content)
    for name in PYODIDE:
        shutil.copy(pyodide / name, folder / "pyodide" / name)
    whole = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    print(f"{folder.name}/index.html: {whole / 1e6:.1f} MB in all. Serve it: python -m http.server -d {folder.name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
