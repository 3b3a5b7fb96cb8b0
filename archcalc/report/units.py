"""Counts with three digits and a prefix, for tables that have no room for exact ones."""

PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")


def rounded(count: int, unit: str = "") -> str:
    """A count to three digits: exact below 1,000; prefixes are powers of 1,000.

    >>> rounded(1_814_073_344), rounded(170_827_264, "B"), rounded(999_600), rounded(62)
    ('1.81 G', '171 MB', '1.00 M', '62')
    """
    if count < 1000:
        return f"{count} {unit}".strip()
    step = (len(str(count)) - 1) // 3
    for power in (step, step + 1):
        value = count / 1000**power
        digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
        if round(value, digits) < 1000 and power < len(PREFIXES):
            return f"{value:.{digits}f} {PREFIXES[power]}{unit}"
    return f"{count:,} {unit}".strip()
