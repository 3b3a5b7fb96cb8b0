"""An import from ONNX: a file becomes a network."""

from collections.abc import Sequence
from pathlib import Path

from archcalc.core.diagnostic import problem
from archcalc.importing.flat import identifier
from archcalc.importing.network import Imported, network_of
from archcalc.importing.onnx import operators  # noqa: F401  every file in it registers itself
from archcalc.importing.onnx.file import File, file_of
from archcalc.importing.onnx.following import program_of
from archcalc.importing.reference import Given, given_input

OLDEST = 7
"""The oldest version of the operators whose meaning is that of today."""


def from_onnx(path: str, *inputs: str) -> Imported:
    """The network in an ONNX file.

    `inputs`: sizes that the file leaves free, as on the command line: `"image=3,224,224"`. Nothing in the file runs,
    and no weight is read. Raises SpecError if it is damaged, or at a node that cannot be followed.
    """
    return network_in(path, [given_input(each) for each in inputs])


def network_in(path: str, inputs: Sequence[Given], source: str = "", blocks: bool = True) -> Imported:
    file = file_of(path)
    if not OLDEST <= file.opset < 1000:
        raise problem(
            "AC530",
            f"{path} has version {file.opset} of ONNX's operators, and the oldest that is read is {OLDEST}",
            help="convert it: onnx.version_converter.convert_version(model, 13)",
        )
    program = program_of(file, identifier(Path(path).stem), inputs)
    return network_of(
        program, source, [f"imported from {Path(path).name}, operators of version {file.opset}", norms(file)], blocks
    )


def norms(file: File) -> str:
    """Whether batch norms are there; exporters compute them into the convolutions before."""
    count = sum(node.operator == "BatchNormalization" for node in file.nodes)
    convolutions = sum(node.operator == "Conv" for node in file.nodes)
    if count or not convolutions:
        return f"{count} batch norms"
    return "no batch norms: an exporter may have computed them into the convolutions"
