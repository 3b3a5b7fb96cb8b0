"""An import from a program of torch.export: its file, or the object that it has in Python."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import torch

from archcalc.importing.exported.file import exported_in
from archcalc.importing.exported.running import program_of
from archcalc.importing.flat import identifier
from archcalc.importing.network import Imported, network_of
from archcalc.importing.reference import Given


def network_in(
    path: str | IO[bytes], inputs: Sequence[Given], source: str = "", blocks: bool = True, name: str = ""
) -> Imported:
    """The network in a `.pt2` file. `inputs`: sizes that it leaves free.

    Its operations are read from JSON, and those of torch itself run on tensors without values. No weight is read, and
    no pickle; torch.export.load is not called. Raises SpecError if it is damaged, or at a node that cannot be followed.
    """
    file = exported_in(path)
    program = program_of(file, name or identifier(Path(file.path).stem), inputs)
    return network_of(
        program, source, [f"imported from {Path(file.path).name}, exported by torch {file.torch}"], blocks
    )


def from_exported(program: torch.export.ExportedProgram, name: str = "", source: str = "") -> Imported:
    """The network of a program that torch.export made. It is written to memory, as to a file, and read from there."""
    whole = io.BytesIO()
    torch.export.save(program, whole)
    whole.seek(0)
    return network_in(whole, (), source, name=name or "Exported")
