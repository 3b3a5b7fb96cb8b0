"""Files that are no networks: why, and what to do with them."""

from archcalc.core.diagnostic import SpecError, problem


def no_network(path: str) -> SpecError:
    return problem(
        "AC540",
        f"{path} is a checkpoint: it has weights and no layers",
        help=f"compare its weights with a spec: archcalc diff SPEC {path}; or read the config.json beside it",
    )


def pickle(path: str) -> SpecError:
    return problem(
        "AC541",
        f"{path} is a checkpoint of torch: a pickle, which can run any code when it is read",
        help="save its weights as safetensors: safetensors.torch.save_file(model.state_dict(), 'model.safetensors')",
    )
