"""Words of other frameworks for the values of arguments, and what to write here instead."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from archcalc.core.dim import is_number

Translation: TypeAlias = Callable[[Mapping[str, Any]], str]
"""What to write, from the arguments that the call gives."""


def causal(given: Mapping[str, Any]) -> str:
    """Keras pads a causal convolution in front only.

    >>> causal({"kernel_size": 5, "dilation": 2})
    'write padding=[[8, 0]]: d*(k - 1) elements in front'
    """
    kernel, dilation = given.get("kernel_size", ()), given.get("dilation", 1)
    known = is_number(kernel, dilation)
    amount = str(dilation * (kernel - 1)) if known else "d*(k - 1)"
    return f"write padding=[[{amount}, 0]]: d*(k - 1) elements in front"


def same_transposed(given: Mapping[str, Any]) -> str:
    """Keras's output of a transposed convolution with `same` is the input times the stride.

    >>> same_transposed({"kernel_size": 5, "stride": 2})
    'write padding=2, output_padding=1: the output is 2 times the input'
    >>> same_transposed({"kernel_size": 2, "stride": 3})
    'write padding=0, output_padding=1: the output is 3 times the input'
    """
    kernel, stride, dilation = given.get("kernel_size", ()), given.get("stride", 1), given.get("dilation", 1)
    if not is_number(kernel, stride, dilation):
        return "choose padding and output_padding so that 2*padding - output_padding = d*(k - 1) + 1 - s"
    more = dilation * (kernel - 1) + 1 - stride
    padding = max(0, -(-more // 2))
    return f"write padding={padding}, output_padding={2 * padding - more}: the output is {stride} times the input"


def always(text: str) -> Translation:
    return lambda given: text


FOREIGN: Mapping[tuple[str, str], Translation] = {
    ("padding", "causal"): causal,
    ("padding", "SAME"): always("TensorFlow's SAME is same_upper here"),
    ("padding", "NOTSET"): always("write the padding as numbers: [begin, end] for each axis"),
    ("padding", "zeros"): always("the padding is zeros; their number is an argument of its own: padding=1"),
    **{
        ("padding", each): always(f"write pad(n, mode={each}) in front of the layer")
        for each in ("reflect", "replicate", "circular")
    },
    ("mode", "bicubic"): always("write resize(scale_factor=2, mode=bicubic), which interpolates two axes so"),
    ("mode", "cubic"): always("write mode=bicubic"),
    ("mode", "lanczos"): always("lanczos interpolation is not supported; bilinear has the same output size"),
    ("mode", "area"): always("write adaptive_avgpool, which computes the same"),
    ("mode", "zeros"): always("zeros are mode=constant, the default"),
    ("mode", "edge"): always("numpy's and ONNX's edge is replicate here"),
    ("mode", "wrap"): always("numpy's and ONNX's wrap is circular here"),
    ("mode", "symmetric"): always("symmetric padding is not supported; reflect has the same output size"),
    ("over", "channels"): always("write over=features: the channels of each position"),
}
"""By argument and word."""

AMOUNTS: Mapping[str, Translation] = {
    "valid": always("write padding=0"),
    "VALID": always("write padding=0"),
    **dict.fromkeys(("same", "SAME", "same_upper", "SAME_UPPER", "same_lower", "SAME_LOWER"), same_transposed),
    "full": always("write padding=0"),
}
"""Words for the padding of a transposed convolution, which takes numbers only."""


def translated(name: str, word: str, given: Mapping[str, Any]) -> str:
    """What to write for a foreign word; empty if it is not known."""
    translation = FOREIGN.get((name, word))
    return translation(given) if translation else ""


def translated_amount(word: str, given: Mapping[str, Any]) -> str:
    """What to write for a word as the padding of a transposed convolution; empty if it is not known."""
    translation = AMOUNTS.get(word)
    return translation(given) if translation else ""
