"""Windows of attention that only some layers of a family have."""

from archcalc.importing.configuration import Configuration


def no_windows(config: Configuration) -> None:
    """Every layer attends to all tokens. Raises SpecError if some layers have a window."""
    config.only("use_sliding_window", False, "a window in some of the layers")
    config.read |= {"sliding_window", "layer_types"}
    kinds = config.fields.get("layer_types") or []
    if not isinstance(kinds, list) or any(kind != "full_attention" for kind in kinds):
        raise config.wrong("layer_types", "is not described: layers that attend in other ways")
