"""Machines: the properties of a processor that choose the torch kernels, as far as memory depends on them.

torch chooses kernels by the instructions that oneDNN reports. Most kernels are chosen within an operation and allocate
the same tensors. Only an LSTM differs: it is one operation if oneDNN has kernels in its dtype, and many if it has none.

Source: `use_mkldnn` in aten/src/ATen/native/RNN.cpp; `mkldnn_bf16_device_check` and `mkldnn_fp16_device_check` in
aten/src/ATen/native/mkldnn/Utils.h, which ask oneDNN for the instructions that it uses.
"""

from collections.abc import Mapping

from archcalc.record import record


@record
class Machine:
    """A kind of processor. `kernels`: the dtypes in which oneDNN computes on it; `unread`: why nothing is predicted;
    empty if it is."""

    name: str
    kernels: tuple[str, ...]
    unread: str = ""

    @property
    def words(self) -> str:
        """Its kernels in the dtypes that only some processors support.

        >>> [MACHINES[name].words for name in ("x86-avx512", "x86-avx2", "x86-avx512-fp16")]
        ['with bfloat16 kernels', 'without bfloat16 kernels', 'with bfloat16 and float16 kernels']
        """
        if self.unread:
            return f"on {self.name}"
        if not self.kernels:
            return "without oneDNN"
        found = [dtype for dtype in ("bfloat16", "float16") if dtype in self.kernels]
        return f"with {' and '.join(found)} kernels" if found else "without bfloat16 kernels"


MACHINES: Mapping[str, Machine] = {
    each.name: each
    for each in (
        Machine("x86-avx512", ("float32", "bfloat16")),
        Machine("x86-avx512-fp16", ("float32", "bfloat16", "float16")),
        Machine("x86-avx2", ("float32",)),
        Machine("x86-without-onednn", ()),
        Machine("aarch64", (), "torch also chooses kernels of ACL and KleidiAI, whose rules were not read"),
    )
}
"""Every machine by name. Processors with AMX have AVX-512 FP16; processors below AVX2 use the kernels of AVX2."""

DEFAULT = MACHINES["x86-avx512"]
"""The machine that memory is predicted for if none is named, whatever machine archcalc runs on."""
