"""Ten spaces of designs of bundled specs, with structure choices, and what is compared of them."""

from collections.abc import Sequence

from archcalc.graph.loading import document_of
from archcalc.sweeping.asking import documents_for, listed, objectives_of, question_of, wanted_of
from archcalc.sweeping.question import Question, conditions, parsed
from archcalc.sweeping.space import axis_of

TOTALS = "params,macs,output_bytes,receptive_field"
MEMORY = f"{TOTALS},saved_bytes,inference_peak,training_peak"

SPACES: dict[str, tuple[Sequence[str], Sequence[str], str]] = {
    "resnet50": (
        ["w=4..96:3", "depths[0]=1..4", "depths[2]=1..9", "H=W=33..400", "N=1..9"],
        ["act=relu|silu|gelu"],
        f"{MEMORY},backward_flops,training_peak(N=32)",
    ),
    "resnet18": (["w=1..64", "depths[0]=1..4", "H=7..99", "W=7..99"], ["norm=batchnorm|none"], MEMORY),
    "mobilenet_v2": (["H=W=20..300", "N=1..4"], ["act=relu6|hardswish"], MEMORY),
    "efficientnet": (["width=1..2:0.1", "depth=1..3:0.2", "size=30..400"], [], TOTALS),
    "regnet_x": (
        ["widths[0]=8..64:8", "widths[1]=16..128:8", "depths[1]=1..5", "group=4..32:4", "H=W=32..256:8"],
        [],
        TOTALS,
    ),
    "gpt2": (["w=12..800:4", "depth=1..24", "heads=1|2|4|12", "N=1..4"], [], "params,training_flops,training_peak"),
    "vit_b16": (["H=W=8..256:4", "N=1..3"], [], MEMORY),
    "unet": (["H=W=100..600:2"], [], MEMORY),
    "densenet121": (["H=W=20..256:3", "N=1..3"], ["variant=densenet169|densenet201"], "params,macs,training_peak"),
    "llama3": (["T=1..600:7", "N=1..3"], ["variant=1b"], "params,macs,training_peak,iteration_peak"),
}


def asked(
    spec: str,
    over: Sequence[str],
    choose: Sequence[str] = (),
    where: Sequence[str] = (),
    minimise: str = "",
    maximise: str = "",
    columns: str = "",
    **others: object,
) -> Question:
    """The question that the options of the command describe."""
    axes = [*(axis_of(text) for text in over), *(axis_of(text, "--choose") for text in choose)]
    objectives = objectives_of([minimise], [maximise])
    others.setdefault("wanted", wanted_of(objectives, False, None, False))
    return question_of(
        documents_for(axes, lambda name: document_of(f"{spec}@{name}" if name else spec)),
        axes,
        conditions(where),
        objectives,
        [parsed(text, "--columns") for text in listed(columns)],
        spec=spec,
        **others,
    )


def space_of(name: str) -> Question:
    over, choose, columns = SPACES[name]
    return asked(name, over, choose, columns=columns)
