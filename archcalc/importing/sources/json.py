"""`config.json` of Hugging Face, for the families that archcalc knows. A spec can be written in JSON, too."""

import sys
from functools import partial
from pathlib import Path

from archcalc.core.location import Source
from archcalc.core.overrides import Overrides
from archcalc.core.render import render_all, width_of
from archcalc.graph.loading import overridden
from archcalc.importing.configuration import spec_of
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document, read_regular


def claims(reference: str) -> bool:
    """Files that name a type of model and no version of the spec language."""
    if not Path(reference).is_file():
        return False
    try:
        data = read_regular(reference)
    except OSError:
        return False
    return b'"model_type"' in data and b'"archcalc"' not in data


def read(reference: str, overrides: Overrides) -> Document:
    """The document of the family's spec. Says on standard error what the configuration has and the spec has not."""
    text, findings = spec_of(reference)
    if findings:
        print(render_all(findings, room=width_of(sys.stderr)), file=sys.stderr)
    return overridden(partial(read_document, Source(f"{reference} as a spec", text)), overrides)
