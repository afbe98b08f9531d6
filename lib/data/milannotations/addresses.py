"""Names and web addresses of exported exemplars."""


def export_name(network: str) -> str:
    """Return the name of a network, `model/dataset`, in exports: `model_dataset`."""
    return network.replace("/", "_")


def picture_file(layer: str, unit: int, rank: int) -> str:
    """Return the name of the picture of an exemplar; ranks count from 0."""
    return f"{layer}_{unit}_{rank}.png"


def picture_address(network: str, layer: str, unit: int, rank: int, *, base_url: str | None) -> str:
    """Return the address of the picture of an exemplar.

    Parameters
    ----------
    network : str
        As `model/dataset`.
    layer : str
    unit, rank : int
        Ranks count from 0.
    base_url : str or None
        Address below which the folder `model_dataset` with the pictures will be; None for an address relative to the
        folder of the export.
    """
    folder = f"{base_url.rstrip('/')}/{export_name(network)}" if base_url else "images"
    return f"{folder}/{picture_file(layer, unit, rank)}"
