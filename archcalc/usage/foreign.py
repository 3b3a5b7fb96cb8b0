"""Options and commands of other tools by their meaning: what to write here."""

from collections.abc import Collection, Mapping, Sequence

from archcalc.core.diagnostic import closest, did_you_mean

OPTIONS: Mapping[str, str] = {
    "--batch-size": "--batch",
    "--batch_size": "--batch",
    "--bs": "--batch",
    "--input-size": "--input 3,224,224",
    "--input_size": "--input 3,224,224",
    "--input-shape": "--input 3,224,224",
    "--shape": "--input 3,224,224",
    "--size": "--input 3,224,224",
    "--seq-len": "--set T=128",
    "--sequence-length": "--set T=128",
    "--context-length": "--set T=128",
    "--tokens": "--set T=128",
    "--param": "--set NAME=VALUE",
    "--define": "--set NAME=VALUE",
    "--fp16": "--dtype float16",
    "--half": "--dtype float16",
    "--bf16": "--dtype bfloat16, or --autocast bfloat16",
    "--amp": "--autocast bfloat16",
    "--precision": "--dtype",
    "--json": "--format json",
    "--csv": "--format csv",
    "--markdown": "--format markdown",
    "--md": "--format markdown",
    "--html": "--format html",
    "--latex": "--format latex",
    "--tex": "--format latex",
    "--flops": "--convention flops",
    "--macs": "--convention macs",
    "--memory": "--train",
    "--mem": "--train",
    "--training": "--train",
    "--backward": "--train",
    "--optim": "--optimizer",
    "--grad-checkpointing": "--checkpoint BLOCK",
    "--gradient-checkpointing": "--checkpoint BLOCK",
    "--level": "--depth",
    "--max-depth": "--depth",
    "--group-by": "--by",
    "--sort-by": "--sort",
    "--order-by": "--sort",
    "--limit": "--top",
    "--cols": "--columns",
    "--fields": "--columns",
    "--out": "--output",
    "--file": "--output",
}
"""By option of others: ours, with a value where it has one."""

ADVICE: Mapping[str, str] = {
    "--variant": "name the variant behind the spec: resnet50@variant",
    "--model": "name the spec itself: archcalc report resnet50",
    "--no-color": "write archcalc --color never, before the command, or set NO_COLOR=1",
    "--width": "set COLUMNS=80 in the environment",
    "--png": "archcalc draw SPEC -o network.svg draws pictures",
    "--svg": "archcalc draw SPEC -o network.svg draws pictures",
    "--plot": "archcalc draw SPEC -o network.svg draws pictures",
    "--formula": "archcalc formula SPEC prints closed forms",
}
"""What to do where no option has the meaning."""

COMMANDS: Mapping[str, str] = {
    **dict.fromkeys(("summary", "count", "params", "flops", "macs", "info", "show", "profile", "analyze"), "report"),
    **dict.fromkeys(("plot", "view", "visualize", "graph", "picture", "render"), "draw"),
    **dict.fromkeys(("run", "build", "compile", "codegen", "code", "export", "torch"), "generate"),
    **dict.fromkeys(("convert", "trace", "load"), "import"),
    **dict.fromkeys(("lint", "validate", "analyse"), "check"),
    **dict.fromkeys(("test", "bench", "benchmark"), "verify"),
    **dict.fromkeys(("list", "zoo", "models"), "specs"),
    **dict.fromkeys(("search", "pareto", "grid"), "sweep"),
    **dict.fromkeys(("find", "fit", "tune", "optimize", "optimise"), "solve"),
    **dict.fromkeys(("web", "gui", "ui", "playground", "edit"), "serve"),
    **dict.fromkeys(("init", "create", "start", "template"), "new"),
    **dict.fromkeys(("symbolic", "closed-form", "equation"), "formula"),
    "compare": "diff",
    "format": "fmt",
    "lsp": "server",
    "derive": "explain",
}
"""By command of others: ours."""


def option_help(name: str, known: Collection[str], others: Sequence[str]) -> str:
    """What to write for an option that a command does not have: one of ours that means it, the other commands that have
    it, or one that is spelt like it; empty if nothing is close.

    >>> option_help("--json", ["--format"], []), option_help("--json", ["--free"], [])
    ('write --format json', '')
    >>> option_help("--device", ["--depth"], ["`verify`"]), option_help("--fre", ["--free"], [])
    ('`verify` has it', "did you mean '--free'?")
    """
    meant = OPTIONS.get(name, "")
    if meant.split(" ")[0] in known:
        return f"write {meant}"
    if others:
        return f"{others[0]} has it" if len(others) == 1 else f"{', '.join(others[:-1])} and {others[-1]} have it"
    return ADVICE.get(name, "") or ("" if meant else did_you_mean(name, known))


def command_help(name: str, known: Collection[str]) -> str:
    """What to write for a command that there is not; empty if nothing is close.

    >>> command_help("summary", ["report"]), command_help("sumary", ["report"]), command_help("reprot", ["report"])
    ("did you mean 'report'?", "did you mean 'report'?", "did you mean 'report'?")
    """
    word = name.lower()
    meant = COMMANDS.get(word) or closest(word, known) or COMMANDS.get(closest(word, COMMANDS))
    return f"did you mean '{meant}'?" if meant else ""
