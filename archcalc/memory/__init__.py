"""Memory to the byte: what a training step allocates, keeps and frees, and what an optimizer adds.

In: a `Graph` and a `TrainingSetup`. Out: a `Footprint`: bytes kept for backward, peaks, what is alive at them.
To touch: optimizers/ to add one; how torch's engine and allocator behave. What a layer allocates stands in layers/.
"""
