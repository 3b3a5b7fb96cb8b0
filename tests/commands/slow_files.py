"""Random small files and options that might take long: nests, chains of `prev`, powers, long lists, patterns, imports.

Each file has fewer than 10 KB. The kinds below are written down as what they may blow up: the number of layers, the
length of a value, the size of a number, the number of times a part is looked at.
"""

import random
from collections.abc import Callable, Mapping
from pathlib import Path

NUMBERS = (0, 1, 2, 3, 7, 13, 97, 997, 30_011, 99_991, 10**6, 10**9, 10**12)
DESIGNS = tuple(n for n in NUMBERS if n < 10**5)
"""How far the axes of a sweep go: it takes as long as it has designs, and is made for a trillion."""

PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31)


def nest(pick: random.Random) -> str:
    """Joins within joins, one path each or several."""
    depth = pick.choice([3, 12, 40, 90])
    join, path = pick.choice(["add", "concat", "mul"]), pick.choice(["relu", "prev", "conv(1, 3)", "relu * 9"])
    inner = path
    for _ in range(depth):
        inner = pick.choice([f"{{{join}: [{inner}, {path}]}}", f"[{inner}]", f"{{add: [{inner}, prev]}}"])
        if len(inner) > 3000:
            break
    return f"  - {inner}\n" * pick.choice([1, 2])


def prevs(pick: random.Random) -> str:
    kinds = [
        "prev",
        "prev if x.channels > 2",
        "prev -> prev",
        "{add: [prev, prev]}",
        "prev * 1000",
        "y = relu -> y",
        "relu -> prev",
        "concat: [prev, prev]",
    ]
    return "".join(f"  - {pick.choice(kinds)}\n" for _ in range(pick.choice([5, 50, 300])))


def strides(pick: random.Random) -> str:
    calls = [
        f"{pick.choice(['conv', 'upconv', 'maxpool', 'avgpool'])}({prime}{pick.choice([', s', ', '])}{other})"
        for prime, other in zip(pick.sample(PRIMES, 8), pick.sample(PRIMES, 8), strict=True)
    ]
    calls = [call.replace(", s", ", 2, s") if "conv" in call else call.replace(", s", ", ") for call in calls]
    return f"  - {' -> '.join(calls[: pick.randint(1, 8)])}\n"


def loops(pick: random.Random) -> str:
    n, m = pick.choice(NUMBERS), pick.choice(NUMBERS)
    body = pick.choice(
        ["relu", "conv(1, i + 1)", "relu if i < 0", "prev", "dropout(0.1) -> relu", "pad(i)", "slice(i, i + 1)"]
    )
    some = pick.choice(
        [
            f"range({n})",
            f"range({n}, {m})",
            f"range({n}, 0, -1)",
            f"[j * j for j in range({n})]",
            f"range({n}) if i % {m or 1} == 5",
            f"[k for j in range({n}) for k in range({m})]",
            f"zip(range({n}), range({m}))",
            f"[{n}] * {m}",
        ]
    )
    name = "i, j" if some.startswith("zip") else "i"
    return pick.choice(
        [
            f"  - {body} for {name} in {some}\n",
            f"  - concat: ['{body} for {name} in {some}']\n",
            f"  - t * {n}\nblocks:\n  t:\n    - {body.replace('i', '1')}\n",
            f"  - t * {n}\nblocks:\n  u: [{pick.choice(['relu', 'prev', 'conv(1, 3)', 'pad(1)'])}]\n  t: [u * {m}]\n",
        ]
    )


def blocks(pick: random.Random) -> str:
    """Blocks that call each other twice, so that their layers are many."""
    depth, width = pick.choice([3, 6, 11, 40, 200]), pick.choice([1, 2, 3])
    return f"  - b{min(depth, 60)}\nblocks:\n  b0: [{pick.choice(['relu', 'prev', 'conv(1, 3)'])}]\n" + "".join(
        f"  b{k + 1}: {pick.choice(['', ''])}[{', '.join([f'b{k}'] * width)}]\n" for k in range(min(depth, 60))
    )


def recursion(pick: random.Random) -> str:
    n = pick.choice(NUMBERS)
    calls = pick.choice(
        ["f(n - 1)", "f(n - 1) -> f(n - 1)", "f(n - 1) * 2", "{add: [f(n - 1), f(n - 1)]}", "f(n)", "f(n + 1)"]
    )
    return f"  - f({n})\nblocks:\n  f(n):\n    - {calls} if n > 0 else relu\n".replace(
        "- {add: [f(n - 1), f(n - 1)]} if n > 0 else relu",
        "- add: ['f(n - 1) if n > 0 else relu', 'f(n - 1) if n > 0 else relu']",
    )


def patterns(pick: random.Random) -> str:
    words = [f"a{k}" for k in range(pick.choice([2, 5, 26, 200]))]
    text = " ".join(words)
    n = pick.choice(NUMBERS)
    return pick.choice(
        [
            f'  - rearrange("b ({text}) h w -> b {text} h w", {", ".join(f"{w}=1" for w in words)})\n',
            f'  - rearrange("b c h w -> b ({text} c) h w")\n',
            f'  - rearrange("b c (h {text}) w -> b (c {text}) h w", a0={n})\n',
            f'  - rearrange("{"(" * len(words)}b")\n',
            f"  - einsum({'b' * len(words)}ij, bjk, bik, x)\n",
            f"  - einsum({','.join(['bcij'] * 2)}, {'bc' + 'ijk'[: pick.randint(1, 3)]}, x)\n",
            f"  - einsum(bcij, ->{'b' * 99}, x)\n",
            f'  - reduce("b c h w -> b {text}", mean)\n',
        ]
    )


def calls(pick: random.Random) -> str:
    n, m, few = pick.choice(NUMBERS), pick.choice(NUMBERS), pick.choice([1, 2, 3, 5, 7])
    kinds = (
        f"unpool({few})",
        f"roi_align({n}, x)",
        f"deform_conv({few}, {n})",
        "grid_sample(x)",
        f"correlation(x, {n})",
        f"learned([{n}, {m}])",
        f"expand({n})",
        f"expand([{n}, {m}])",
        f"slice({n}, {m})",
        f"slice(0, {n}, axis=height)",
        "gather(x)",
        f"lookup({n}, {m})",
        f"selective_scan({n})",
        f"wkv({n})",
        f"sinusoidal_distances({n}, like=x)",
        f"tokens -> attention({few}, window={n}, dilation={m})",
        f"tokens -> grouped_attention({few}, window={n}, global_tokens={m})",
        "cast(int64)",
        f"tokens -> lstm({n})",
        f"constant(0, [{n}, {m}])",
        f"conv({few}, {few}, norm=batchnorm, act=relu) * {n}",
        f"moving_average({n})",
        f"stft({n}, {m})",
        f"conv({n}, {few}, p{n}, d{m})",
        f"adaptive_avgpool([{n}, {few}])",
        f"resize([{n}, {few}])",
        f"pad([[{n}, {m}], [0, 0]])",
        f"crop({n})",
        f"tile({n})",
        f"repeat({n}, axis=height)",
    )
    return "".join(
        f"  - {' -> '.join(pick.choice(kinds) for _ in range(pick.randint(1, 4)))}\n" for _ in range(pick.randint(1, 3))
    )


def values(pick: random.Random) -> str:
    """An expression whose value, or whose way to it, may be large."""
    n, m = pick.choice(NUMBERS), pick.choice(NUMBERS)
    return pick.choice(
        [
            f"{n} ** {m}",
            "**".join(["9"] * pick.choice([3, 30, 900])),
            f"[{n}] * {m}",
            f"range({n})",
            f"sum(range({n}))",
            f"[i ** i for i in range({n})]",
            f"max(range({n}))",
            "+".join(["1"] * 3000),
            "(" * 900 + "1" + ")" * 900,
            "-" * 3000 + "1",
            f"'a' * {n}",
            f"log2({n} ** {m})",
            f"sqrt({n} ** {m})",
            f"{n} % ({m} ** {n})",
            f"{'9' * 4000} * {'9' * 4000}",
            f"2 ** 2 ** {n}",
            f"[[i * j for i in range({n})] for j in range({m})]",
            f"len(range({n}))",
            f"range({n})[{m}]",
            f"1 if {' and '.join(['1 < 2'] * 900)} else 2",
            "not " * 900 + "true",
            f"1e{n}",
            f"{n}.{m}e-{n}",
            f"enumerate(range({n}))",
            f"{' < '.join(['1'] * 900)}",
            "[" * 400 + "]" * 400,
        ]
    )


def params(pick: random.Random) -> str:
    rows = [f"  p{k}: {quoted(values(pick))}\n" for k in range(pick.randint(1, 4))]
    doubled = [f"  q{k + 1}: q{k} {pick.choice(['+', '*'])} q{k}\n" for k in range(pick.choice([0, 9, 60]))]
    return (
        "params:\n"
        + "".join(rows)
        + "  q0: 3\n"
        + "".join(doubled)
        + f"layers:\n  - conv(1, {pick.choice(['p0', 'q0', 'p0[0]'])})\n"
    )


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


LAYERS: tuple[Callable[[random.Random], str], ...] = (nest, prevs, strides, loops, blocks, recursion, patterns, calls)


INPUTS = (
    "[3, 64, 64]",
    "[3, 999, 64]",
    "[16, 64, 64]",
    "[3, 9999, 9999]",
    "[4]",
    "[999983, 12]",
    "[2, 999]",
    "[3, 8, 8, 8]",
    "[7, 99991, 3]",
    "{x: [3, 9, 9], y: [3, 9, 9]}",
)


def file(pick: random.Random) -> str:
    """A spec."""
    head = f"archcalc: 1\ninput: {pick.choice(INPUTS)}\n"
    if pick.random() < 0.2:
        return head + params(pick)
    body = ""
    for _ in range(pick.randint(1, 3)):
        some = pick.choice(LAYERS)(pick)
        if "blocks:" in some:
            return head + "layers:\n" + body + some
        body += some
    return head + "layers:\n" + body


def imports(pick: random.Random, folder: Path) -> str:
    """Files that import each other, in rings and in fans."""
    count = pick.choice([1, 3, 30])
    for k in range(count):
        others = pick.choice([[(k + 1) % count], range(count), [k]])
        listed = ", ".join(f"part{other}.yaml" for other in others)
        (folder / f"part{k}.yaml").write_text(f"archcalc: 1\nimport: [{listed}]\nblocks:\n  c{k}: [relu]\n")
    listed = ", ".join(["part0.yaml"] * pick.choice([1, 90]))
    return f"archcalc: 1\nimport: [{listed}]\ninput: [3, 8, 8]\nlayers:\n  - c0 * {pick.choice(NUMBERS)}\n"


SHAPES = (
    "3,,4",
    "1e999",
    "9" * 4000,
    "3,-1",
    "٣,٣",
    "x=3;y",
    "3,8," * 900,
    "=",
    "x=",
    "2**10**9,3",
    "(3,4)",
    "3 4",
    "0x10,1",
    "1_000_000_000,9,9",
)


def options(pick: random.Random) -> list[str]:
    n, value, designs = pick.choice(NUMBERS), values(pick), pick.choice(DESIGNS)
    primes = [pick.choice([997, 1009, 1013, 2003, 30_011, 99_991]) for _ in range(4)]
    where = " and ".join(f"{pick.choice(['H', 'T', 'macs', 'params'])} % {p} == {pick.randrange(9)}" for p in primes)
    plain = [
        ["report", "{file}"],
        ["report", "{file}", "--whole"],
        ["report", "{file}", "--free", "H"],
        ["report", "{file}", "--timeline"],
        ["report", "{file}", "--format", "html"],
        ["check", "{file}"],
        ["diff", "{file}", "{other}"],
        ["generate", "{file}"],
        ["explain", "{file}", "conv1"],
        ["formula", "{file}", "--free", "H"],
        ["formula", "{file}", "--free", "N", "--of", "training_peak"],
        ["draw", "{file}"],
        ["fmt", "{file}"],
        ["solve", "{file}", "--for", "H", "--lossless"],
        ["solve", "{file}", "--for", "H", "--where", "training_peak <= 1GB"],
        ["solve", "{file}", "--for", "N", "--where", "training_peak <= 1GB"],
        ["sweep", "{file}", "--over", "H=8..999:8", "--min", "training_peak"],
        ["report", "{file}", "--train", "--optimizer", "adamw"],
        ["report", "{file}", "--format", "json"],
    ]
    if pick.random() < 0.6:
        return pick.choice(plain)
    return pick.choice(
        [
            ["report", "{file}", "--set", f"q0={value}"],
            ["report", "{file}", "--input", pick.choice(SHAPES)],
            ["check", "{file}"],
            ["report", "{file}", "--set", f"H={n}"],
            ["report", "{file}", "--free", "H,W,N,T,q0,p0"],
            ["check", "{file}", "--fix"],
            ["diff", "{file}", "{other}"],
            ["diff", "{file}", "{file}"],
            ["diff", "{file}", f"params={n}"],
            ["lint", "{file}"],
            ["fmt", "{file}"],
            ["sweep", "{file}", "--over", f"q0=1..{designs}", "--min", "params", "--count"],
            ["sweep", "{file}", "--over", f"H=1..{designs}:{pick.choice(NUMBERS)}", "--min", "macs"],
            ["sweep", "{file}", "--over", f"H=W=1..{designs}*2", "--min", "params", "--max", "macs"],
            ["sweep", "{file}", "--over", "H=8..64:8", "--where", where, "--min", "macs"],
            ["solve", "{file}", "--for", pick.choice("HTNW"), "--where", where],
            ["solve", "{file}", "--for", pick.choice(["H", "q0", "p0[0]"]), "--where", f"params <= {value}"],
            ["solve", "{file}", "--for", pick.choice("HN"), "--where", "training_peak <= 1GB"],
            ["formula", "{file}", "--free", pick.choice(["H", "N", "q0", "H,W"])],
            ["formula", "{file}", "--free", "H", "--of", "training_peak"],
            ["generate", "{file}"],
            ["draw", "{file}"],
            ["report", "{file}", "--train"],
            ["explain", "{file}", pick.choice(["conv1", "relu1", "attention1"])],
            ["report", "{file}", "--batch", str(n or 1)],
            ["report", "{file}", "--format", "json"],
            ["report", "-e", f"input(3, {value}) -> relu"],
            ["report", "-e", " -> ".join(["input(3,9)", *["relu"] * 1500])],
        ]
    )


def written(seed: int, folder: Path) -> list[str]:
    """The arguments of a command on files that are written to the folder."""
    pick = random.Random(f"file {seed}")
    folder.mkdir(parents=True, exist_ok=True)
    names: Mapping[str, Path] = {name: folder / f"{name}.yaml" for name in ("file", "other")}
    for path in names.values():
        text = imports(pick, folder) if pick.random() < 0.06 else file(pick)
        path.write_text(text[:10_000] if len(text) > 10_000 else text)
    return [
        argument.replace("{file}", str(names["file"])).replace("{other}", str(names["other"]))
        for argument in options(pick)
    ]
