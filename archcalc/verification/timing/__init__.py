"""Time and roofline: each layer's time, and the minimum that the device allows.

In: a built network and a device. Out: times and ceilings. To touch: how time is measured and shown.
"""
