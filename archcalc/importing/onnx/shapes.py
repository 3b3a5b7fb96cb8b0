"""Shapes of what operators make."""

from collections.abc import Sequence
from math import prod

from archcalc.importing.program import BATCH


def broadcast(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    """The shape of two that meet. A batch of 1 that a file states meets the batch. Raises ValueError if they do not.

    >>> broadcast((1009, 3, 4), (3, 1))
    (1009, 3, 4)
    """
    rank = max(len(a), len(b))
    pairs = zip((1,) * (rank - len(a)) + tuple(a), (1,) * (rank - len(b)) + tuple(b), strict=True)
    found = []
    for n, m in pairs:
        if n != m and 1 not in (n, m):
            raise ValueError("shapes that cannot meet")
        found.append(max(n, m) if 0 not in (n, m) else 0)
    return tuple(found)


def reshaped(
    shape: Sequence[int], target: Sequence[int], batch: int, keep_zeros: bool = False, slow: int = 1
) -> tuple[int, ...]:
    """The shape after a reshape. Raises ValueError if the elements do not fit.

    `batch`: the batch size that the file states, which stands in `target` where the batch is; 0 if it is free. `slow`:
    how many elements of the batch's axis run slower than the batch.

    >>> reshaped((1009, 196, 768), (1, 14, 14, 768), 1), reshaped((1009, 512, 1, 1), (1, -1), 1)
    ((1009, 14, 14, 768), (1009, 512))
    >>> reshaped((1009, 8, 7, 8, 7, 96), (-1, 49, 96), 1), reshaped((64 * 1009, 49, 96), (1, 8, 8, 7, 7, 96), 1)
    ((64576, 49, 96), (1009, 8, 8, 7, 7, 96))
    """
    target = [shape[i] if n == 0 and not keep_zeros else n for i, n in enumerate(target)]
    at = next((i for i, n in enumerate(shape) if n % BATCH == 0), None)
    if at is not None and batch and not any(n % BATCH == 0 for n in target if n > 0):
        outer = prod(shape[:at]) * slow
        places = [
            j
            for j, n in enumerate(target)
            if n % batch == 0 and n > 0 and -1 not in target[:j] and prod(target[:j]) == outer
        ]
        places.sort(key=lambda j: target[j] != batch)
        if places:
            j = places[0]
            if target[j] != batch and j == len(target) - 1 > 0 and target[j - 1] > 0:
                j -= 1  # the last axis holds features
            target[j] = target[j] // batch * BATCH
    known = prod(n for n in target if n != -1)
    total = prod(shape)
    if target.count(-1) > 1 or not known or total % known or (-1 not in target and known != total):
        raise ValueError("elements that do not fit")
    return tuple(total // known if n == -1 else n for n in target)


def slow_after(before: Sequence[int], slow: int, after: Sequence[int]) -> int:
    """After a reshape: how many elements of the batch's axis run slower than the batch."""
    at, to = (next((i for i, n in enumerate(each) if n % BATCH == 0), None) for each in (before, after))
    return 1 if at is None or to is None else max(1, prod(before[:at]) * slow // prod(after[:to]))


def slid(n: int, kernel: int, stride: int, begin: int, end: int, dilation: int, ceil: bool = False) -> int:
    """How many positions a window has along an axis, as torch counts them."""
    span = n + begin + end - dilation * (kernel - 1) - 1
    found = (-(-span // stride) if ceil else span // stride) + 1
    return found - 1 if ceil and (found - 1) * stride >= n + begin else found
