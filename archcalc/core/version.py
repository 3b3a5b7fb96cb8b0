"""The version of archcalc, where every stage may read it."""

VERSION = "0.1.0"
