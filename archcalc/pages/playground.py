"""The playground: a static page in which a spec is edited, and the same Python computes it in the browser.

`answer` is all that the page asks of Python; page_source/worker.js runs it in pyodide, and page_source/playground.js
edits. `site` writes the files of the page; `docs/site.py` adds Python itself.
"""

import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import archcalc
from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.location import Source
from archcalc.graph.loading import document_of, gc_paused
from archcalc.pages.packing import packed
from archcalc.pages.page import Surroundings, page_of, part, source_of
from archcalc.pages.whole import Wanted, whole_report
from archcalc.report.formats.json import document_of as json_of
from archcalc.spec.document import read_document
from archcalc.spec.zoo import bundled, text_of

FIRST = "resnet18"
"""The spec that the page shows at first."""

NAME = "spec.yaml"

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the archive: the same files make the same archive."""


def answer(text: str, variant: str = "", batch: int = 1) -> str:
    """What the page shows of a spec, as JSON: its network as packed data, or what is wrong with it and where."""
    return json.dumps(answered(text, variant, batch), ensure_ascii=False)


def answered(text: str, variant: str, batch: int) -> dict[str, Any]:
    said: list[str] = []
    try:
        with gc_paused():
            document = read_document(Source(NAME, text), variant=variant or None)
            report = whole_report(document, Wanted(batch=batch, say=said.append))
            return {"network": packed(json_of(report)), "said": said}
    except SpecError as error:
        return {"problem": str(error), "places": [*places(error.diagnostics)]}


def places(found: Iterable[Diagnostic]) -> Iterator[dict[str, Any]]:
    """The lines of the spec that problems are on."""
    for each in found:
        if each.location and each.location.source.name == NAME:
            yield {"line": each.location.line + 1, "message": each.message}


def examples() -> Mapping[str, str]:
    """The bundled specs and what they are called, without reading all of each."""
    return {name: title(text_of(name)) or name for name in sorted(bundled())}


def title(text: str) -> str:
    """The name in a spec.

    >>> title("archcalc: 1\\nname: 'A net'\\n")
    'A net'
    """
    found = re.search(r"^name: *(.+?) *$", text, re.MULTILINE)
    return found[1].strip("\"'") if found else ""


# --- the files -------------------------------------------------------------------------------------------------------


def site(parts: Iterable[Path]) -> dict[str, bytes]:
    """The files of the page by their names. `parts`: the folders of the packages that it imports besides this one."""
    return {
        "index.html": playground().encode(),
        "worker.js": part("worker.js").encode(),
        "archcalc.zip": archive([Path(archcalc.__file__).parent, *parts]),
    }


def playground() -> str:
    """The page, with the numbers of the first example, which it shows while Python starts."""
    document = document_of(FIRST)
    surroundings = Surroundings(
        workers="'self'",
        script="\n" + part("playground.js"),
        style="\n" + part("playground.css"),
        top=editor(),
        footer="Python runs in this page, as WebAssembly: the spec stays on this machine.",
    )
    return page_of([json_of(whole_report(document, Wanted()))], surroundings)


def editor() -> str:
    """The part of the page in which the spec is edited."""
    options = "".join(
        f'<option value="{name}"{" selected" * (name == FIRST)}>{escape(title)}</option>'
        for name, title in examples().items()
    )
    return source_of("playground.html").replace("@@EXAMPLES@@", options).replace("@@TEXT@@", escape(text_of(FIRST)))


def archive(folders: Iterable[Path]) -> bytes:
    """Packages as a zip file: their Python files and what they read."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for folder in folders:
            for path in sorted(each for each in folder.rglob("*") if is_needed(each)):
                name = path.relative_to(folder.parent).as_posix()
                file.writestr(zipfile.ZipInfo(name, EARLIEST), path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
        for name, spec in bundled().items():
            file.writestr(zipfile.ZipInfo(f"archcalc/specs/{name}.yaml", EARLIEST), Path(spec).read_bytes(), 8, 9)
    return made.getvalue()


LEFT_OUT = {
    "__pycache__", "specs", "verification", "importing", "torch_modules", "commands", "sweeping", "editor", "usage",
    "codes.py", "command.py", "notebook.py",
}  # fmt: skip
"""Folders and files of the package that a page never imports."""


def is_needed(path: Path) -> bool:
    return path.is_file() and path.suffix in SUFFIXES and not LEFT_OUT & set(path.parts)


SUFFIXES = {".py", ".js", ".css", ".html"}
