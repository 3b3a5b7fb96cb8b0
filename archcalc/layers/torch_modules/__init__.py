"""The modules that torch lacks, one class to a file. Generated source has them word for word.

In: torch. Out: text: what stands below a file's imports, which archcalc reads and never imports.
To touch: another class that a layer's `call` names, beside the layer; it is checked here as any code is.
"""
