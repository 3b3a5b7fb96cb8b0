"""Programs that torch.export wrote, `.pt2`: a zip with the operations as JSON, which is all that is read of it.

In: a path. Out: the file's nodes (file.py), and the program that they are on a free batch (running.py).
To touch: functions.py for operators of torch whose arguments have another order than those of its functions.
"""
