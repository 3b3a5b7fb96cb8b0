"""`archcalc import`: existing code becomes a spec."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archcalc.command import PROBLEMS, Settings, notice, print_diagnostics, write_output
from archcalc.core.overrides import Overrides
from archcalc.graph.loading import document_of
from archcalc.graph.sources import reader_of
from archcalc.importing.from_onnx import network_in
from archcalc.importing.network import Imported
from archcalc.importing.reference import PREFIX, CodeReference, Given, code_reference, given_input
from archcalc.importing.sources.py import from_code, say_whose, with_torch
from archcalc.spec.zoo import bundled
from archcalc.usage.declared import INPUT, OUTPUT, Choice, UsageError, argument, called, option
from archcalc.usage.options import output_option

EXAMPLES = (
    "archcalc import 'py:torch.nn:Linear(in_features=4, out_features=2)' --input 4",
    "archcalc import py:torch.nn:Softmax --args 'dim=-1' --input 4,8",
)


@called("import", EXAMPLES, with_settings=True)
@argument("reference", metavar="REFERENCE")
@option(
    "--input",
    "inputs",
    multiple=True,
    metavar="[NAME=]SHAPE",
    help="3,224,224, or ids=128:int64.",
    group=INPUT,
)
@option("--args", "arguments", default="", metavar="ARGS", help="Of the constructor: 'depth=4'.", group=INPUT)
@option("--config", default="", metavar="FILE", help="config.json, for transformers.", group=INPUT)
@option("--until", default="", metavar="MODULE", help="Import this module of it.", group=INPUT)
@option("--run-on", type=Choice(("meta", "cpu")), default="meta", help="cpu: with values.", group=INPUT)
@option("--verify", is_flag=True, help="Also compare outputs, in float64 with random weights.", group=OUTPUT)
@option("--flat", is_flag=True, help="One line per layer, without blocks.", group=OUTPUT)
@output_option
def command(settings: Settings, /, reference: str, inputs: Sequence[str], output: str | None, **options: Any) -> int:
    """Write existing code as a spec: py:torchvision.models:resnet50, my_net.py:Net, model.onnx or .pt2.

    The code runs once, on inputs without values. Every number of the spec is compared with torch's. An operation that
    no layer describes is kept as it was measured, and a warning names its line.
    """
    if reference in bundled() or Path(reference).suffix in (".yaml", ".yml"):
        raise UsageError(f"{reference} is a spec: `archcalc report {reference}` reads it as it is")
    if reference.lower().endswith((".onnx", ".pt2")):
        return file_imported(reference, inputs, output, settings, options)
    if not reference.startswith(PREFIX) and reader_of(reference) is not None:
        write_output(document_of(reference, Overrides(inputs=inputs)).source.text, output)
        return 0
    if options["verify"] and (options["until"] or options["run_on"] == "cpu"):
        raise UsageError("--verify compares whole networks, without their values: leave out --until and --run-on")
    named = code_reference(reference, options["arguments"])
    given = [given_input(each) for each in inputs]
    say_whose(named)
    source = written(reference, inputs, options)
    chosen = {key: options[key] for key in ("config", "until", "run_on")}
    found = from_code().network_in(named, given, **chosen, source=source, blocks=not options["flat"])
    summarize(found, settings)
    write_output(found.spec, output)
    return verified(named, given, options["config"], settings) if options["verify"] else 0


def file_imported(path: str, inputs: Sequence[str], output: str | None, settings: Settings, options: Any) -> int:
    """Writes the program in a file as a spec. No code of the file runs, so that outputs cannot be compared."""
    is_onnx = path.lower().endswith(".onnx")
    for key in ("arguments", "config", "until", "verify"):
        if options[key] or options["run_on"] != "meta":
            what = "an ONNX file" if is_onnx else "a program of torch.export"
            raise UsageError(f"{what} takes --input and --flat: the other options are for code")
    source = " ".join(["archcalc import", path, *(f"--input {each}" for each in inputs)])
    read = network_in if is_onnx else with_torch("from_pt2").network_in
    found = read(path, [given_input(each) for each in inputs], source, blocks=not options["flat"])
    summarize(found, settings)
    write_output(found.spec, output)
    return 0


def summarize(found: Imported, settings: Settings) -> None:
    """What is not exact, and what came out."""
    if found.findings:
        print_diagnostics(found.findings, settings)
    if not settings.quiet:
        notice(found.summary)
        if found.sizes:
            notice(found.sizes)


def verified(reference: CodeReference, given: Sequence[Given], config: str, settings: Settings) -> int:
    """Prints whether the generated module computes what the code computes; a difference is a problem."""
    agreement = with_torch("agreement").agreement_in(reference, given, config)
    if not settings.quiet or not agreement.holds:
        notice(str(agreement))
    return 0 if agreement.holds else PROBLEMS


def written(reference: str, inputs: Sequence[str], options: Any) -> str:
    """The command, for the spec's `source`."""
    parts = ["archcalc import", reference]
    parts += [f"--{key} '{options[name]}'" for key, name in (("args", "arguments"),) if options[name]]
    parts += [f"--{key} {options[key]}" for key in ("config", "until") if options[key]]
    parts += ["--run-on cpu"] if options["run_on"] == "cpu" else []
    return " ".join([*parts, *(f"--input {each}" for each in inputs)])
