"""The stages that make exemplars, one after the other, for any number of shards."""

from lib.stages.exemplars.collect_exemplars import collect_exemplars
from lib.stages.exemplars.tally_units import tally_units


def make_exemplars(
    folder, *, layers, geometry, output_size, images=None, batch_size=8, threads=2, n_shards=1, **options
):
    """Tally the units and collect their exemplars from the images in `folder/images.csv`."""
    shared = {"images": images or str(folder / "images.csv"), "layers": layers, "geometry": geometry}
    shared |= {"batch_size": batch_size, "threads": threads}
    options = {
        "weights": [],
        "quantile": 0.99,
        "max_units": None,
        "version": "1",
        "device": "cpu",
        "trusted_sha256": [],
    } | options
    tallies = []
    for shard in (f"{number}-of-{n_shards}" for number in range(n_shards)):
        tallies.append(str(folder / "tallies" / shard))
        tally_units(**shared, **options, tally=tallies[-1], shard=shard)
    paths = {"exemplars": str(folder / "exemplars"), "units": str(folder / "units.csv")}
    # files are read again without the network; a generator runs again
    again = {"network": options["network"] if images else None}
    again |= {key: options[key] for key in ("weights", "trusted_sha256", "device")}
    collect_exemplars(chosen={}, seed=0, **shared, **paths, **again, tallies=tallies[::-1], output_size=output_size)
