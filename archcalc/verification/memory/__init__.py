"""Compares memory with the allocator: every allocation and release of a real run, on the CPU and on a GPU.

In: a built network and its footprint. Out: rows. To touch: how allocations are recorded, and what is compared.
"""
