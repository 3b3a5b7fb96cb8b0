"""What inputs that meet in one layer have in common: a dtype, and a batch."""

from collections.abc import Iterator

from archcalc.core.condition import Requirement
from archcalc.core.dim import same
from archcalc.core.volume import Volume


def same_dtype(*xs: Volume) -> Requirement:
    """torch multiplies no integers by numbers, and no numbers of two sizes.

    >>> same_dtype(Volume(4), Volume(4, dtype="int64"))
    (False, 'the inputs must have the same dtype, got float32 and int64')
    """
    kinds = list(dict.fromkeys(x.dtype for x in xs))
    return len(kinds) == 1, f"the inputs must have the same dtype, got {' and '.join(kinds)}"


def same_batch(*xs: Volume) -> Iterator[Requirement]:
    """Each sample of one meets one sample of the others.

    >>> list(same_batch(Volume(4, batch=2), Volume(3, batch=2)))
    [(True, '[4] and [3] have different batches')]
    """
    first, *others = xs
    yield from ((same(first.batch, x.batch), f"{first} and {x} have different batches") for x in others)
