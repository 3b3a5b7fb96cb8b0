"""Every diagnostic code: its title, and the long text that `archcalc explain CODE` prints. Filled below, AC001 first."""

CODES: dict[str, tuple[str, str]] = {}
