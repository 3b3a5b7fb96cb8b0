"""Windows of attention that only some layers of a family have."""

from archcalc.importing.configuration import Configuration


def no_windows(config: Configuration) -> None:
    """Every layer attends to all tokens. Raises SpecError if some layers have a window."""
    config.only("use_sliding_window", False, "a window in some of the layers")
    config.read |= {"sliding_window", "layer_types"}
    kinds = config.fields.get("layer_types") or []
    if not isinstance(kinds, list) or any(kind != "full_attention" for kind in kinds):
        raise config.wrong("layer_types", "is not described: layers that attend in other ways")


def period_of_whole_layers(config: Configuration, usual: int) -> int:
    """n, where each layer whose number, from 1, is a multiple of n attends to all tokens, and the others to a window.

    Raises SpecError if the layers follow no such rule.
    """
    config.read |= {"layer_types", "_sliding_window_pattern", "sliding_window_pattern"}
    depth, kinds = config.get("num_hidden_layers", 26), config.fields.get("layer_types")
    if kinds is None:
        return usual
    if not isinstance(kinds, list) or len(kinds) != depth:
        raise config.wrong("layer_types", "does not say what each layer is")
    period = kinds.index("full_attention") + 1 if "full_attention" in kinds else depth + 1
    rule = ["full_attention" if i % period == 0 else "sliding_attention" for i in range(1, depth + 1)]
    if kinds != rule:
        raise config.wrong("layer_types", "is not described: windows that do not repeat after a number of layers")
    return period
