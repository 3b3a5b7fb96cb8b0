"""The operators of torchvision where its library cannot be loaded: the wheels of PyPI are for a GPU build of torch.

They are declared before torchvision is imported, and those that its detection models run have a kernel in Python: the
same boxes, without speed.
"""

import sys

import torch
from torch import Tensor

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    """roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width,
    int sampling_ratio, bool aligned) -> Tensor""",
)
"""Of the operators that are run here, as torchvision declares them."""

OTHERS = """_deform_conv2d_backward _ps_roi_align_backward _ps_roi_pool_backward _roi_align_backward _roi_pool_backward
deform_conv2d ps_roi_align ps_roi_pool qnms qroi_align roi_pool"""
"""Operators that torchvision asks for when it is imported, and no model here runs."""

LIBRARIES: list[torch.library.Library] = []
"""They keep what they declare as long as they live."""


def declared() -> None:
    """Declares the operators if torchvision cannot load them itself."""
    if "torchvision" in sys.modules or LIBRARIES:
        return
    library = torch.library.Library("torchvision", "DEF")
    LIBRARIES.append(library)
    for each in SCHEMAS:
        library.define(each)
    for name in OTHERS.split():
        library.define(f"{name}(Tensor x) -> Tensor")
    import torchvision  # lazy: after its operators are declared

    if torchvision.extension._has_ops():
        return
    library.impl("nms", nms, "CPU")
    library.impl("roi_align", roi_align, "CPU")
    for place in ("extension", "ops.roi_align", "ops.boxes"):
        module = sys.modules[f"torchvision.{place}"]
        for name, made in (("_has_ops", lambda: True), ("_assert_has_ops", lambda: None)):
            if hasattr(module, name):
                setattr(module, name, made)


def nms(dets: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """The boxes that no box with a higher score covers by more than a share, highest scores first."""
    areas = (dets[:, 2] - dets[:, 0]) * (dets[:, 3] - dets[:, 1])
    left = scores.argsort(descending=True, stable=True)
    kept = []
    while left.numel():
        best, left = left[0], left[1:]
        kept.append(best)
        low = torch.maximum(dets[best, :2], dets[left, :2])
        high = torch.minimum(dets[best, 2:], dets[left, 2:])
        both = (high - low).clamp(min=0).prod(dim=1)
        left = left[both / (areas[best] + areas[left] - both) <= iou_threshold]
    return torch.stack(kept) if kept else scores.new_zeros(0, dtype=torch.int64)


def roi_align(
    input: Tensor,
    rois: Tensor,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    """By torchvision's own code in Python."""
    function = sys.modules["torchvision.ops.roi_align"]._roi_align.__wrapped__
    found: Tensor = function(input, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio, aligned)
    return found
