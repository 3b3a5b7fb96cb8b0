"""The rows of a comparison of weights as text. Formats only arrange them."""

from collections import Counter
from collections.abc import Iterator, Mapping

from archcalc.comparison.weights import Stored, WeightComparison, by_pattern
from archcalc.record import record

Row = tuple[str, str, str, str]


@record
class WeightRows:
    """What formats print. `every`: a row for each weight, instead of one for all that differ in a number alone."""

    comparison: WeightComparison
    every: bool = False

    @property
    def title(self) -> str:
        return f"{self.comparison.expected.name} -> {self.comparison.given.name}"

    @property
    def summary(self) -> str:
        """`288 of 291 weights agree, 2 missing, 1 extra, 1 of another shape; stored as BF16`."""
        made = self.comparison
        wanted = made.agree + len(made.missing) + len(made.reshaped)
        counts = {"missing": made.missing, "extra": made.extra, "of another shape": made.reshaped}
        parts = [f"{len(each):,} {word}" for word, each in counts.items() if each]
        dtypes = Counter(each.dtype for each in made.given.tensors.values())
        stored = ", ".join(dtype for dtype, _ in dtypes.most_common(4)) or "nothing"
        return f"{', '.join([f'{made.agree:,} of {wanted:,} weights agree', *parts])}; stored as {stored}"

    @property
    def notes(self) -> Iterator[str]:
        """What is assumed, and which names would fit."""
        made = self.comparison
        if made.family:
            yield f"names and parts of weights are compared as the family {made.family} has them in checkpoints"
        if made.prefix:
            yield f"all names of the checkpoint begin with '{made.prefix}', which is left out"
        optional = sum(
            each.optional and made.names[name] not in made.given.tensors for name, each in made.expected.tensors.items()
        )
        if optional:
            yield f"{optional:,} tied weights and counters are not in the checkpoint and need not be"
        if made.fitting:
            yield "names that fit by their shapes alone; in a file, they are a map for --names:"
            yield from (f"  {ours}: {theirs}" for ours, theirs in made.fitting.items())

    @property
    def rows(self) -> Iterator[Row]:
        """The sign, the name, the shapes, and the number of elements."""
        made = self.comparison
        yield from self.one_sided("-", "missing", made.missing)
        yield from self.one_sided("+", "extra", made.extra)
        for names in self.groups({name: a for name, (a, _) in made.reshaped.items()}):
            shapes = Counter(changed(*made.reshaped[name]) for name in names)
            for what, _ in shapes.items():
                alike = [name for name in names if changed(*made.reshaped[name]) == what]
                amount = sum(made.reshaped[name][1].numel - made.reshaped[name][0].numel for name in alike)
                yield "~", so_named(alike), what, f"{amount:+,}"

    def one_sided(self, sign: str, word: str, tensors: Mapping[str, Stored]) -> Iterator[Row]:
        for names in self.groups(tensors):
            shapes = {str(list(tensors[name].shape)): None for name in names}
            shown = next(iter(shapes)) + (" and other shapes" if len(shapes) > 1 else "")
            amount = sum(tensors[name].numel for name in names)
            yield sign, so_named(names), f"{word}: {shown}", f"{amount if sign == '+' else -amount:+,}"

    def groups(self, tensors: Mapping[str, Stored]) -> list[list[str]]:
        return [[name] for name in tensors] if self.every else list(by_pattern(tensors).values())


def so_named(names: list[str]) -> str:
    return names[0] + (f" and {len(names) - 1:,} more" if len(names) > 1 else "")


def changed(before: Stored, after: Stored) -> str:
    """`[4096, 11008] -> [11008, 4096], transposed`."""
    turned = len(before.shape) > 1 and before.shape[::-1] == after.shape
    return f"{list(before.shape)} -> {list(after.shape)}" + (", transposed" if turned else "")
