"""The families that the pages of the layers are about: one page to a family, named as PyTorch users know it.

A layer's family follows from the file it is in (`archcalc/layers/conv.py` -> convolution).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from archcalc import layers  # noqa: F401  every file in them registers itself
from archcalc.layer import LAYERS, Layer


@dataclass(frozen=True, slots=True)
class Family:
    """`name` is the page's file name; `files` are the modules of archcalc/layers whose layers are on it."""

    name: str
    title: str
    files: tuple[str, ...]

    def layers(self) -> Iterator[tuple[str, type[Layer]]]:
        """The layers of the family with their names, in alphabetical order."""
        return ((name, layer) for name, layer in sorted(LAYERS.items()) if file_of(layer) in self.files)


FAMILIES = (
    Family(
        "convolution", "Convolution", ("conv", "filter_bank_conv", "locally_connected", "table_conv", "transposed_conv")
    ),
    Family("pooling", "Pooling", ("adaptive_pool", "global_pool", "pool", "subsampling")),
    Family("linear", "Linear, maxout and RBF layers", ("linear", "maxout", "rbf")),
    Family("normalisation", "Normalisation", ("batchnorm", "grn", "group_norm", "layernorm", "lrn", "rmsnorm")),
    Family(
        "activation",
        "Activations and softmax",
        ("activation", "bounded", "clipped", "exponential", "gated", "log_probability", "prelu", "smooth", "softmax"),
    ),
    Family(
        "attention",
        "Attention",
        (
            "attention",
            "cross_attention",
            "grouped_attention",
            "latent_attention",
            "t5_attention",
            "window_attention",
        ),
    ),
    Family("mixture", "Mixture of experts", ("mixture",)),
    Family("embedding", "Embeddings, tokens and positions", ("embedding", "sequence")),
    Family("recurrent", "Recurrent layers", ("recurrent",)),
    Family("merge", "Merges and products", ("einsum", "merge")),
    Family("residual", "Residual branches and scaling", ("identity", "residual", "scale")),
    Family("dropout", "Dropout and sampling", ("dropout", "gaussian_sample")),
    Family(
        "reshape",
        "Reshaping, padding and cropping",
        ("channels_order", "crop", "flatten", "pad", "patch_merging", "rearrange"),
    ),
    Family("resize", "Upsampling and resizing", ("resize", "upsample")),
)
"""In the order of the index: what convolutional networks are made of, then transformers, then what joins the parts."""


def file_of(layer: type[Layer]) -> str:
    return layer.__module__.rpartition(".")[2]


def family_of(layer: type[Layer]) -> Family:
    """The one family that a layer is in."""
    found = [family for family in FAMILIES if file_of(layer) in family.files]
    if len(found) != 1:
        what = f"in {len(found)} families" if found else "in no family"
        raise ValueError(f"archcalc/layers/{file_of(layer)}.py is {what}: name it once in FAMILIES of docs/families.py")
    return found[0]
