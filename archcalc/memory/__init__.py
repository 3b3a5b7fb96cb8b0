"""Memory to the byte: what a training step allocates, saves and frees, and what an optimizer adds.

In: a `Graph` and a `TrainingSetup`. Out: a `Footprint`: bytes saved for backward, peaks, tensors alive at the peak.
To touch: optimizers/ to add one; the behaviour of torch's engine and allocator. What a layer allocates is in layers/.
"""
