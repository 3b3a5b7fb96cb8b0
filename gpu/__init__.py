"""Everything that needs a GPU, in one run of a few minutes: `make gpu`, or `scripts/gpu.sh` where nothing is installed.

In: a machine with a GPU, torch, and this checkout. Out: an archive of certificates and raw recordings, from which rules
can be corrected on any machine (`python -m gpu replay`). To touch: what runs (plan.py), and in which order.
"""
