"""Volumes: what flows along the edges of the graph."""

from collections.abc import Sequence
from typing import TypeVar

from archcalc.core.dim import Dim, prod
from archcalc.record import record, replace

Axis = TypeVar("Axis")

ITEMSIZE = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2, "int64": 8, "int32": 4, "bool": 1}
"""Bytes of one element."""

INTEGERS = ("int64", "int32")


def widest(*dtypes: str) -> str:
    """The dtype to which torch promotes floating dtypes: the largest.

    >>> widest("bfloat16", "float32")
    'float32'
    """
    return max(dtypes, key=lambda dtype: ITEMSIZE[dtype])


def is_floating(dtype: str) -> bool:
    """Whether values of this dtype can have gradients."""
    return "float" in dtype


@record
class Volume:
    """One activation: `channels` features at every position of `spatial`, for every sample of the batch.

    Positions and features are separate fields; only `shape` knows torch's order. Volumes of integers have one integer
    per position and no feature axis in torch. `shared`: values that depend on no input and are there once for all
    samples; in torch, their batch is 1. `plain`: a tensor whose axes have no meaning; the last, on which layers such
    as `linear` work, has the place of the features.
    """

    channels: Dim
    spatial: tuple[Dim, ...] = ()
    batch: Dim = 1
    channels_last: bool = False
    dtype: str = "float32"
    shared: bool = False
    plain: bool = False

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.spatial)

    @property
    def is_floating(self) -> bool:
        return is_floating(self.dtype)

    @property
    def is_ids(self) -> bool:
        """Whether it contains integers, which are row numbers of a table."""
        return self.dtype in INTEGERS

    @property
    def item_shape(self) -> tuple[Dim, ...]:
        """The axes of one sample in torch's order, as specs and reports print them.

        >>> image(3, 224, 224).item_shape, tokens(128, 512).item_shape, flat(1000).item_shape, ids(128).item_shape
        ((3, 224, 224), (128, 512), (1000,), (128,))
        """
        if self.is_ids:
            return self.spatial
        return (*self.spatial, self.channels) if self.channels_last else (self.channels, *self.spatial)

    @property
    def shape(self) -> tuple[Dim, ...]:
        """The axes in torch's order, batch first.

        >>> image(3, 224, 224, batch=8).shape
        (8, 3, 224, 224)
        """
        return (self.batch, *self.item_shape)

    @property
    def positions(self) -> Dim:
        """Samples times positions: the number of feature vectors."""
        return self.batch * prod(self.spatial)

    @property
    def numel(self) -> Dim:
        return self.positions * self.channels

    @property
    def nbytes(self) -> Dim:
        return self.numel * ITEMSIZE[self.dtype]

    def to(self, channels: Dim | None = None, spatial: tuple[Dim, ...] | None = None) -> "Volume":
        """This volume with other channels, other spatial axes, or both."""
        return replace(
            self,
            channels=self.channels if channels is None else channels,
            spatial=self.spatial if spatial is None else spatial,
        )

    def __str__(self) -> str:
        """As a spec writes it.

        >>> str(image(3, 224, 224))
        '[3, 224, 224]'
        """
        return f"[{', '.join(map(str, self.item_shape))}]"


def apart(axes: Sequence[Axis], last: bool) -> tuple[Axis, tuple[Axis, ...]]:
    """The features and the positions among the axes of a sample, of which the features are the first or the last.

    >>> apart((3, 8, 9), last=False), apart((8, 9, 3), last=True)
    ((3, (8, 9)), (3, (8, 9)))
    """
    return (axes[-1], tuple(axes[:-1])) if last else (axes[0], tuple(axes[1:]))


def image(channels: Dim, *spatial: Dim, batch: Dim = 1) -> Volume:
    return Volume(channels, spatial, batch)


def tokens(length: Dim, features: Dim, *, batch: Dim = 1) -> Volume:
    return Volume(features, (length,), batch, channels_last=True)


def ids(*spatial: Dim, batch: Dim = 1, dtype: str = "int64") -> Volume:
    """One integer per position."""
    return Volume(1, spatial, batch, channels_last=True, dtype=dtype)


def grid(*shape: Dim, batch: Dim = 1) -> Volume:
    """Features at every position of a grid, channels last: `grid(height, width, features)`.

    >>> str(grid(56, 56, 96))
    '[56, 56, 96]'
    """
    *spatial, features = shape
    return Volume(features, tuple(spatial), batch, channels_last=True)


def flat(features: Dim, *, batch: Dim = 1) -> Volume:
    return Volume(features, (), batch)


def shared(volume: Volume) -> Volume:
    """The same volume, of values that all samples share."""
    return replace(volume, batch=1, shared=True)


def plain(*shape: Dim, batch: Dim = 1) -> Volume:
    """A tensor whose axes have no meaning."""
    *others, last = shape
    return Volume(last, tuple(others), batch, channels_last=len(others) > 0, plain=True)
