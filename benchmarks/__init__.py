"""Benchmarks of speed, and of memory compared with other estimates: `make bench`.

Each time is a median. Compare times only within one run.
"""
