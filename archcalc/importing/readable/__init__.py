"""The readable spec: blocks from the modules of the code, arguments from what differs between them.

In: `Lowered` and the classes of the modules. Out: the text of a spec, as short as one written by hand.
To touch: tree.py for what becomes a block, paths.py for merges, fusing.py for layers that stand in one call, blocks.py
for arguments and conditions, text.py for how it is written.
"""
