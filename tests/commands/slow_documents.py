"""More random small files and options that might take long: what stands around the layers, and layers that many read.

The kinds of tests/commands/slow_files.py make many layers or large numbers. Those below make long names, wide joins,
long lists of variants, of expectations and of conditions, and closed forms with many floors.
"""

import random
from collections.abc import Callable
from pathlib import Path

from tests.commands import slow_files
from tests.commands.slow_files import DESIGNS, INPUTS, NUMBERS, PRIMES, quoted, values

MOST_BYTES = 10_000


def many(pick: random.Random) -> int:
    return pick.choice([3, 30, 120, 300])


def long_names(pick: random.Random) -> str:
    name = pick.choice(["a" * 9, "a" * 900, "a_" * 1900, "é" * 900])
    return pick.choice([
        f"  - {name} = relu\n  - {name} -> relu\n",
        f"  - {name} = relu * {many(pick)}\n  - add: [{name}.*]\n",
        "".join(f"  - {name[:60]}{k} = relu\n" for k in range(min(many(pick), 120))),
        f"  - {name}\n",
        f"  - x -> {name}()\n",
        f"  - {'.'.join(['a'] * many(pick))} = relu\n",
        f"  - relu -> {'.'.join(['relu1'] * many(pick))}\n",
        f"  - conv(3, {name})\n",
        "".join(f"  - n{k + 1} = n{k}\n" for k in range(many(pick))).replace("n0\n", "prev\n"),
    ])  # fmt: skip


def wide(pick: random.Random) -> str:
    n, join = many(pick), pick.choice(["concat", "add", "maximum", "mul", "stack"])
    paths = [pick.choice(["prev", "relu", "conv(1, 3)", "relu -> relu", "prev if x.channels > 9"]) for _ in range(n)]
    return pick.choice([
        f"  - {join}: [{', '.join(paths)}]\n",
        f"  - {join}: [{', '.join(paths)}]\n  - relu * {n}\n  - {join}: [{', '.join(['prev'] * n)}]\n",
        f"  - {join}: ['relu for i in range({n * n})']\n",
        f"  - {join}: ['relu for i in range({n})', 'relu for j in range({n})']\n" * 3,
        f"  - concat: [{', '.join(['prev'] * 9)}]\n" * min(n, 40),
        f"  - e = relu * {n * 9}\n  - {join}: [e.*]\n",
        f"  - e = relu * {n}\n" + f"  - {join}: [e.*]\n" * min(n, 120),
        f"  - e = conv(1, i + 1) for i in range({n})\n  - concat: [e.*]\n",
        "  - y = relu\n" + "".join(f"  - {join}: [prev, y]\n" for _ in range(n)),
    ])  # fmt: skip


def shared(pick: random.Random) -> str:
    n = many(pick)
    return pick.choice([
        "  - s = conv(1, 3)\n" + f"  - s() * {n * n}\n",
        "  - s = conv(1, 3)\n" + "  - s() -> relu\n" * n,
        f"  - t\nblocks:\n  t:\n    - s = conv(1, 3)\n    - {' -> '.join(['s()'] * n)}\n",
        f"  - conv(1, 3, tie=conv1) * {n}\n",
        f"  - g = conv(1, 3)\n  - step(g) * {n}\nblocks:\n  step(g): [g() -> relu]\n",
        f"  - g = t * {n}\n  - g() * {n}\nblocks:\n  t: [conv(1, 3), relu]\n",
        f"  - g = t\n  - u(g) * {n}\nblocks:\n  t: [conv(1, 3)]\n  u(g): [g(), g(), g()]\n",
        f"  - t(freeze=true) * {n}\nblocks:\n  t: [conv(1, 3), relu]\n",
    ])  # fmt: skip


def pyramid(pick: random.Random) -> str:
    """Maps of many sizes that meet again: many floors in one sum."""
    depth = pick.choice([2, 5, 12])
    primes = [pick.choice([2, 2, 3, *PRIMES]) for _ in range(depth)]
    down = "".join(
        f"  - d{k} = {pick.choice(['maxpool', 'avgpool', 'subsampling'])}({p})\n" for k, p in enumerate(primes)
    )
    return pick.choice([
        down + "".join(f"  - upsample({p})\n  - crop(like=d{k})\n" for k, p in reversed([*enumerate(primes)])),
        down + f"  - concat: [{', '.join(f'd{k} -> gap -> flatten' for k in range(depth))}]\n",
        down + f"  - concat: [{', '.join(f'd{k} -> flatten' for k in range(depth))}]\n",
        down + f"  - add: [{', '.join(f'd{k} -> resize(like=d0)' for k in range(depth))}]\n",
        "".join(f"  - conv({p}, {k + 1}, s{p}, padding=same_upper)\n" for k, p in enumerate(primes)),
        "".join(f"  - conv({p}, 2, d{p}, s2, p{k})\n  - upconv({p}, 2, s3, p1)\n" for k, p in enumerate(primes)),
        "".join(f"  - concat: [maxpool({p}) -> upsample({p}) -> crop(like=prev), prev]\n" for p in primes),
        f"  - resize(scale_factor={pick.choice(['0.7', '1.3', '1/3', '0.999'])})\n" * depth,
        f"  - adaptive_avgpool({pick.choice(PRIMES)}) -> upsample({pick.choice(PRIMES)})\n" * depth,
        f"  - concat: [{', '.join(f'maxpool({p}) -> flatten' for p in primes)}]\n",
        f"  - tokens -> grouped_attention(1, window={pick.choice(PRIMES)}) * {depth}\n",
        f"  - flatten -> fc({pick.choice(NUMBERS)}) -> fc({pick.choice(NUMBERS)})\n",
    ])  # fmt: skip


def lists_of_layers(pick: random.Random) -> str:
    n = many(pick)
    return pick.choice([
        f"  - e = relu * {n}\n  - f(e.*) * {min(n, 30)}\nblocks:\n  f(ys):\n    - add: ['y -> relu for y in ys']\n",
        f"  - e = relu * {n}\n  - f([e.*, e.*])\nblocks:\n  f(ys): [g(ys), g(ys)]\n  g(ys):\n    - add: [ys.*]\n",
        (f"  - e = relu * {n}\n  - f(e.*, {n})\n"
        "blocks:\n  f(ys, n):\n    - ys[n - 1] -> relu\n    - f(ys, n - 1) if n > 1\n"),
        f"  - e = t * {n}\n  - concat: [e.*.a]\n  - concat: [e.*.b]\nblocks:\n  t:\n    - a = relu\n    - b = relu\n",
        f"  - e = t * {n}\n  - conv(1, sum(e.*.channels))\nblocks:\n  t: [relu]\n",
        f"  - 'relu if {' or '.join(f'x.channels == {k}' for k in range(min(n, 99)))} else prev'\n" * 3,
        f"  - 'relu if x.channels > {n} else (relu if x.channels > 2 else prev)'\n" * 9,
        f"  - {' if 1 < 2 else '.join(['relu'] * min(n, 99))}\n",
    ])  # fmt: skip


def einsums(pick: random.Random) -> str:
    n = pick.choice([2, 9, 23])
    letters = "ijklmnopqrstuvwxyzacdefgh"
    return pick.choice([
        f"  - einsum({', '.join(['bcij'] * n)}, bcij, {', '.join(['x'] * (n - 1))})\n",
        f"  - learned([{', '.join(['2'] * n)}])\n  - relu\n",
        (f"  - learned([{', '.join(['1'] * n)}]) -> m = relu\n"
        f"  - rearrange('b {' '.join(letters[:n])} -> b {' '.join(reversed(letters[:n]))}')\n"),
        f"  - reshape({', '.join(['1'] * n * 9)}, -1)\n",
        f"  - reshape({', '.join(str(p) for p in PRIMES)}, -1)\n",
        f"  - reshape({10**12}, -1)\n",
        f"  - rearrange(\"b c h (w {' '.join(f'a{k}' for k in range(n * 30))}) -> b c h w\")\n",
        f"  - rearrange('b c h w -> b {'(' * n}c h w{')' * n}')\n",
        f"  - rearrange('b c h w -> b c w h') * {n * 90}\n",
        "  - reshape(-1) -> reshape(3, -1) -> tokens -> transpose -> tokens\n" * n,
        f"  - pad([{', '.join(['[1, 1]'] * n)}])\n",
        f"  - take(0, axis=height) * {n}\n",
    ])  # fmt: skip


LAYERS: tuple[Callable[[random.Random], str], ...] = (
    long_names, wide, wide, shared, pyramid, pyramid, lists_of_layers, einsums,
)  # fmt: skip


def around(pick: random.Random) -> str:
    """Keys beside the layers, which are long."""
    n = many(pick)
    value = values(pick)
    return pick.choice([
        "variants:\n" + "".join(f"  v{k}: {{params: {{q: {k}}}}}\n" for k in range(n)),
        "variants:\n" + "".join(f"  v{k}: {{input: [{k + 1}, 8, 8]}}\n" for k in range(n)),
        "expect:\n  shapes:\n" + "".join(f"    relu{k}: [3, 8, 8]\n" for k in range(n)),
        f"expect: {{params: {quoted(value)}, macs: '{pick.choice(NUMBERS)} +- 1%'}}\n",
        f"outputs: [{', '.join(['relu1'] * n * 9)}]\n",
        f"outputs: [{', '.join(f'relu{k}' for k in range(n))}]\n",
        "defaults:\n" + "".join(f"  {word}: {{bias: {quoted(value)}}}\n" for word in ("conv", "linear", "fc", "relu")),
        "symbols:\n" + "".join(f"  S{k}: {{max: {pick.choice(NUMBERS)}, multiple_of: {k + 1}}}\n" for k in range(n)),
        "blocks:\n" + "".join(f"  u{k}(a{k}, b={k}): [conv(a{k}, b), u{k + 1}(b)]\n" for k in range(n)),
        f"about: {'long ' * 900}\n",
        f"tags: [{', '.join(['a'] * n * 9)}]\n",
        f"import: [{', '.join(['resnet50'] * n)}]\n",
        f"import: {{{', '.join(f'r{k}: {pick.choice(BUNDLED)}' for k in range(min(n, 120)))}}}\n",
        "? " * 400 + "a\n",
        "- " * 400 + "a\n",
        "a: " * 400 + "a\n",
        "{" * 900, "[" * 4000, "&a " * 900, "'" * 999, "\t" * 999, "# " * 4000, "\n" * 9000, "a:\n" * 2500, "\\" * 5000,
        "expect: |\n" + "  text\n" * 900,
    ])  # fmt: skip


def file(pick: random.Random) -> str:
    kinds = [*LAYERS, *(slow_files.LAYERS if pick.random() < 0.3 else ())]
    head = f"archcalc: 1\ninput: {pick.choice([*INPUTS, *['[3, 64, 64]'] * 9])}\n"
    body = ""
    for _ in range(pick.choice([1, 1, 1, 2, 3])):
        some = pick.choice(kinds)(pick)
        if len(body) + len(some) > MOST_BYTES - 400:
            break
        body += some
        if "blocks:" in some:
            break
    last = around(pick) if pick.random() < 0.2 else ""
    first = last if pick.random() < 0.5 else ""
    return (head + first + "layers:\n" + (body or "  - relu\n") + ("" if first else last))[:MOST_BYTES]


SYMBOLS = ("H", "W", "T", "N", "H,W", "H,W,N", "N,T", "q0", "w", "depths[0]")

MEASURES = ("params", "macs", "flops", "training_peak", "output_bytes", "receptive_field", "kv_cache_bytes", "shape")


def condition(pick: random.Random) -> str:
    n = pick.choice([1, 3, 40, 400])
    what = ["H", "W", "T", "N", "macs", "params", "training_peak", "output_bytes", "receptive_field"]
    one = [
        "{a} <= {n}", "{a} % {p} == {r}", "{a} * {a} <= {n}", "{a} // {p} % {q} != 0", "{a} == {n}", "{a} / {b} >= {p}",
        "{a}(H={p}) <= {n}", "{a} ** {p} <= {n}", "max({a}, {b}) <= {n}", "({a} + {b}) * {p} <= {n}", "{v} <= {a}",
    ]  # fmt: skip
    return f" {pick.choice(['and', 'and', 'or'])} ".join(
        pick.choice(one).format(
            a=pick.choice(what), b=pick.choice(what), n=pick.choice(NUMBERS), p=pick.choice(PRIMES),
            q=pick.choice(PRIMES), r=pick.randrange(9), v=values(pick) if n < 40 else 3,
        )
        for _ in range(n)
    )[:9000]  # fmt: skip


BUNDLED = (
    "resnet50",
    "unet",
    "llama3",
    "vit_b16",
    "efficientdet_d0",
    "transformer",
    "swin_t",
    "mobilenet_v2",
    "lenet5",
)


def options(pick: random.Random) -> list[str]:
    network = pick.choice(["{file}"] * 9 + [pick.choice(BUNDLED)])
    n, value, symbol, measure = pick.choice(NUMBERS), values(pick), pick.choice(SYMBOLS), pick.choice(MEASURES)
    long, designs = "9" * 4000, pick.choice(DESIGNS)
    return pick.choice([
        ["report", network, *pick.choice([["--variants"], ["--by", "type"], ["--depth", "9"], ["--sort", "macs"],
            ["--by", "block", "--depth", str(n)], ["--top", str(n)], ["--columns", ",".join(["layer", "macs"] * 900)],
            ["--format", "markdown"], ["--format", "csv"], ["--format", "latex"], ["--format", "html"],
            ["--convention", "fvcore"], ["--units", "short"], ["--whole"], ["--memory-forms", "--whole"]])],
        ["report", network, "--train", *pick.choice([["--timeline"], ["--optimizer", "adamw"], ["--autocast"],
            ["--checkpoint", "*"], ["--checkpoint", "t"], ["--accumulate", "--optimizer", "sgd(0.1, momentum=0.9)"],
            ["--optimizer", f"sgd({value})"], ["--optimizer", "lbfgs(1, history_size=999999)"]])],
        ["report", network, "--set", f"{pick.choice(['q0', 'H', 'w', 'a' * 4000])}={pick.choice([long, value])}"],
        ["report", network, *(part for k in range(900) for part in ("--set", f"q{k}={k}"))],
        ["report", network, "--input", pick.choice([long, ",".join(["3"] * 2000), f"{n},{n},{n}", "x=" * 2000])],
        ["report", network, "--batch", pick.choice([long[:600], str(n or 1)])],
        ["report", network, "--free", symbol],
        ["report", network, "--max-layers", pick.choice(["1", "1000", long[:90]])],
        ["check", network, *pick.choice([[], ["--format", "sarif"], ["--format", "json"], ["--strict"],
            ["--select", ",".join(["AR1"] * 2000)], ["--ignore", long]])],
        ["check", "{file}", "--fix"],
        ["check", "{folder}"],
        ["diff", network, "{other}", *pick.choice([[], ["--all"], ["--train"], ["--format", "html"]])],
        ["diff", network, "{file}", *pick.choice([[], ["--format", "json"], ["--format", "markdown"]])],
        ["diff", network, f"params={value}"],
        ["generate", network, *pick.choice([[], ["--flat"], ["--checkpoint", "t"], ["--checkpoint", "e.*"]])],
        ["explain", network, pick.choice(["relu1", "conv1", "e.1", "add1", "concat1", "a" * 4000, "t", "d1", "s"])],
        ["explain", pick.choice(["AC201", "AR101", "AC999", "A" * 4000])],
        ["formula", network, "--free", symbol, *pick.choice([[], ["--layers"], ["--format", "latex"],
            ["--format", "python"], ["--of", measure], ["--of", ",".join([measure] * 900)], ["--layer", "relu1"]])],
        ["draw", network, *pick.choice([[], ["--depth", str(n)]])],
        ["draw", network, "-o", "{folder}/out" + pick.choice([".svg", ".dot", ".mmd", ".tex"]),
            *pick.choice([[], ["--depth", "9"], ["--style", "graph", "--depth", "9"]])],
        ["fmt", "{file}", *pick.choice([[], ["--check"], ["--diff"]])],
        ["solve", network, "--for", symbol, "--where", condition(pick)],
        ["solve", network, "--for", symbol, *pick.choice([["--near", str(n)], ["--lossless"], ["--most", str(n)],
            ["--multiple-of", str(n)], ["--lossless", "--multiple-of", str(n), "--near", long]])],
        ["solve", network, "--for", symbol, "--where", f"{measure} <= {n}", "--multiple-of", str(n or 1)],
        ["sweep", network, "--over", f"{symbol.partition(',')[0]}=1..{designs}", "--min", measure,
            "--where", condition(pick)],
        ["sweep", network, *(part for k in range(9) for part in ("--over", f"q{k}=1,2")), "--count"],
        ["sweep", network, "--over", f"H=W=8..{n}*2", "--over", f"N=1..{designs}", "--pareto",
            "--min", "macs", "--max", "H"],
        ["sweep", network, "--over", "H=8..4096", "--histogram", measure],
        ["sweep", network, "--choose", f"act={'|'.join(['relu', 'silu'] * 400)}", "--min", measure],
        ["sweep", network, "--choose", "variant=..", "--min", measure],
        ["sweep", network, "--over", f"w={','.join(map(str, range(1, 1500)))}", "--min", measure, "--top", str(n)],
        ["layers", pick.choice(["conv", "c" * 4000, "attention"])],
        ["specs", *pick.choice([[], ["r" * 4000]])],
        ["new", pick.choice(["resnet", "n" * 4000, "vision"])],
        ["help", "h" * 4000],
        ["import", "{other}"],
    ])  # fmt: skip


def written(seed: int, folder: Path) -> list[str]:
    """The arguments of a command on files that are written to the folder."""
    pick = random.Random(f"document {seed}")
    folder.mkdir(parents=True, exist_ok=True)
    names = {name: folder / f"{name}.yaml" for name in ("file", "other")}
    for path in names.values():
        path.write_text(file(pick))
    places = {"file": names["file"], "other": names["other"], "folder": folder}

    def placed(argument: str) -> str:
        for name, path in places.items():
            argument = argument.replace(f"{{{name}}}", str(path))
        return argument

    return [placed(argument) for argument in options(pick)]
