"""What runs on a GPU, the most valuable first. A run can end after any part."""

from collections.abc import Iterable, Iterator

from archcalc.record import record

NETWORKS = {
    "lenet5": "lenet5",
    "resnet50": "resnet50",
    "vgg16": "vgg16",
    "mobilenet_v2": "mobilenet_v2",
    "densenet121": "densenet121",
    "unet": "unet",
    "convnext": "convnext",
    "vit_b16": "vit_b16",
    "swin": "swin",
    "gpt2": "gpt2",
    "llama3_one_layer": "llama3@1b depth=1 T=1024",
    "char_rnn": "char_rnn",
    "googlenet": "googlenet",
    "alexnet": "alexnet",
    "efficientnet": "efficientnet",
    "inception_v3": "inception_v3",
    "mlp_mixer": "mlp_mixer",
    "squeezenet": "squeezenet",
}
"""The networks that are verified in every dtype: a name of files, and a reference with the parameters that are set."""

SMALL = ("lenet5", "two_layer", "cifar10_cnn", "char_rnn", "dueling_dqn")
"""The short list: every kind of part on networks that a CPU runs in seconds."""

BATCH = 2


@record(kw_only=True)
class Part:
    """One entry of the archive.

    `kind`: what is done, a function of parts.py. `network`: a reference, and parameters that are set. `limit`: seconds,
    after which it is given up.
    """

    name: str
    kind: str
    network: str = ""
    dtype: str = "float32"
    autocast: str = ""
    optimizer: str = ""
    implementation: str = "foreach"
    checkpoint: str = ""
    batch: int = BATCH
    limit: float = 60


def plan(zoo: Iterable[str] = ()) -> Iterator[Part]:
    """The full list; `zoo`: further networks, the smallest first."""
    yield Part(name="about", kind="about", limit=60)
    yield from measured("float32", NETWORKS)
    yield from measured("bfloat16", NETWORKS)
    yield from timed(("resnet50", "gpt2"))
    yield from trained("resnet50", "gpt2")
    yield from checkpointed({"resnet50": "bottleneck", "gpt2": "block"})
    yield from under_autocast(NETWORKS)
    yield from timed(("vgg16", "vit_b16", "llama3_one_layer"))
    yield from (Part(name=f"zoo-{file_name(each)}", kind="memory", network=each, limit=40) for each in zoo)


def short_plan() -> Iterator[Part]:
    """Every kind of part, on small networks."""
    networks = {name: name for name in SMALL}
    yield Part(name="about", kind="about", limit=60)
    yield from measured("float32", networks)
    yield from measured("bfloat16", {name: name for name in SMALL[:2]})
    yield from timed(SMALL[:1])
    yield from trained(SMALL[0])
    yield from checkpointed({"alphazero depth=1 w=8": "residual"})
    yield from under_autocast({name: name for name in SMALL[:2]})


def measured(dtype: str, networks: dict[str, str]) -> Iterator[Part]:
    for name, network in networks.items():
        yield Part(name=f"{dtype}-{name}", kind="memory", network=network, dtype=dtype)


def under_autocast(networks: dict[str, str]) -> Iterator[Part]:
    for name, network in networks.items():
        yield Part(name=f"autocast-{name}", kind="memory", network=network, autocast="bfloat16")


def trained(*names: str) -> Iterator[Part]:
    """Iterations with an optimizer, in each implementation of its step."""
    steps = [("adamw", "foreach"), ("adamw", "fused"), ("adamw", "forloop"), ("sgd(0.1, momentum=0.9)", "foreach")]
    for name in names:
        for optimizer, how in steps:
            label = f"{optimizer.partition('(')[0]}-{how}"
            yield Part(
                name=f"step-{label}-{name}", kind="memory", network=NETWORKS[name],
                optimizer=optimizer, implementation=how,
            )  # fmt: skip


def checkpointed(blocks: dict[str, str]) -> Iterator[Part]:
    for network, block in blocks.items():
        yield Part(name=f"checkpoint-{file_name(network)}", kind="memory", network=network, checkpoint=block)


def timed(names: Iterable[str]) -> Iterator[Part]:
    for name in names:
        for dtype in ("float32", "bfloat16"):
            yield Part(
                name=f"time-{dtype}-{name}", kind="time", network=NETWORKS[name], dtype=dtype, batch=16, limit=60
            )


def file_name(network: str) -> str:
    """A network's reference as a part of a file's name.

    >>> file_name("resnet50@resnet101"), file_name("alphazero w=8")
    ('resnet50-resnet101', 'alphazero-w-8')
    """
    return "".join(each if each.isalnum() or each in "_." else "-" for each in network)
