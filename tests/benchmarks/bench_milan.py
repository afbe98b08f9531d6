"""Times MILAN's part: exemplars beside a bare forward pass, and captions beside captioning one unit at a time.

    python tests/benchmarks/bench_milan.py [--images 2000] [--repeats 3] [--units 512]

Writes results/bench/milan.csv (case, measure, unit, ours, peer, ratio) and prints it as a Markdown table; never fails on
time. `exemplars_over_forward` is the time of both stages, files included, over that of one forward pass over the same
images, read and scaled in the same way; both alternate and the median of each is taken. Captions: a captioner with the
published sizes and random weights, and random features in place of the encoder's, so that this is the decoder alone; its
sentences do not end early, as most of a trained one do. `caption_of_a_unit_by_itself_s` stands beside its share of all units.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lib.captioning.decoding.beam import MutualInformation
from lib.captioning.decoding.rerank import describe, rerank
from lib.captioning.model.decoder import Decoder, DecoderSizes
from lib.captioning.model.language_model import LanguageModel
from lib.captioning.model.vocabulary import Indexer
from lib.data.images.photographs import Geometry, load_batch
from lib.data.stores.tables import read_table
from lib.models.build.loading import open_network
from lib.playground.drawing import draw_playground
from lib.runtime.parallel import map_in_order
from lib.stages.exemplars.collect_exemplars import collect_exemplars
from lib.stages.exemplars.list_images import list_images
from lib.stages.exemplars.tally_units import tally_units
from tests.benchmarks.table import Bench, timed

LAYERS = ["conv1", "layer1", "layer2", "layer3", "layer4"]
NETWORK = {"name": "resnet18", "normalisation": "imagenet", "seed": 0}
GEOMETRY = {"resize": 224, "crop": 224}
BATCH = 32


def forward(images, device, threads):
    """Run the network once over all images, in batches, and keep nothing."""
    paths = read_table(images, "images")["path"].tolist()
    model = open_network(NETWORK, weights=None, trusted_sha256=[], device=device)

    def run(chosen):
        with torch.inference_mode():
            # .sum() waits for a GPU
            return model.module(model.to_input(load_batch(chosen, Geometry(**GEOMETRY), threads=1))).sum().item()

    for _ in map_in_order(run, [paths[i : i + BATCH] for i in range(0, len(paths), BATCH)], threads=threads):
        pass


def exemplars(images, folder, device, threads):
    """Tally all layers and collect their exemplars."""
    tally = str(folder / "0-of-1")
    shared = {"images": images, "layers": LAYERS, "geometry": GEOMETRY, "batch_size": BATCH, "threads": threads}
    shared |= {"trusted_sha256": []}
    tally_units(
        **shared,
        weights=[],
        tally=tally,
        shard="0-of-1",
        network=NETWORK,
        k=15,
        quantile=0.99,
        max_units=None,
        version="bench",
        device=device,
    )
    collect_exemplars(
        chosen={},
        seed=0,
        **shared,
        weights=[],
        network=None,
        device=device,
        tallies=[tally],
        exemplars=str(folder / "exemplars"),
        units=str(folder / "units.csv"),
        output_size=224,
    )


def bench_exemplars(bench, n_images, repeats, device, threads):
    """Alternate both, several times."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        draw_playground(
            folder / "data", n_images=n_images, image_size=224, seed=0, validation_share=0.3, processes=threads
        )
        images, skipped = str(folder / "images.csv"), str(folder / "skipped_images.csv")
        list_images(
            data=str(folder / "data"), images=images, skipped=skipped, subset="", column="path", threads=threads
        )
        forward_s, exemplars_s = [], []
        for _ in range(repeats):
            forward_s.append(timed(forward, images, device, threads)[1])
            exemplars_s.append(timed(exemplars, images, folder, device, threads)[1])
            print(f"forward {forward_s[-1]:.1f} s, exemplars {exemplars_s[-1]:.1f} s", flush=True)
    case = f"resnet18_5_layers_{n_images}_images"
    bench.add(case, "forward_s", "s", np.median(forward_s))
    bench.add(case, "exemplars_s", "s", np.median(exemplars_s))
    bench.add(case, "exemplars_over_forward", "1", np.median(exemplars_s) / np.median(forward_s))


def bench_captions(bench, n_units, n_alone, device, threads):
    """Caption many units at once, and some of them one after the other."""
    torch.manual_seed(0)
    indexer = Indexer(tuple(f"word{number}" for number in range(5000)))
    sizes = DecoderSizes(n_symbols=indexer.n_symbols, feature_size=3904)
    place = torch.device(device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu")
    decoder = Decoder(sizes).to(place).eval()
    language_model = LanguageModel(indexer.n_symbols).to(place).eval()
    features = np.random.default_rng(0).standard_normal((n_units, 15, sizes.feature_size), dtype=np.float32)
    options = {"length": 15, "beam_size": 50, "lm_sum": "exact"}

    def together(chosen):
        return describe(
            decoder,
            language_model,
            chosen,
            indexer=indexer,
            strategy="rerank",
            use_information=False,
            temperature=0.2,
            threads=threads,
            **options,
        )

    def alone(chosen):
        torch.set_num_threads(threads)
        information = MutualInformation(language_model, 0.2)
        with torch.inference_mode():
            found = [
                rerank(decoder, torch.from_numpy(unit[None]).to(place), information=information, **options)
                for unit in chosen
            ]
        return [indexer.reconstruct(own.tokens[0, int(own.best[0])].tolist()) for own in found]

    alone(features[:1])
    half = n_alone // 2
    first, before = timed(alone, features[:half])
    found, seconds = timed(together, features)
    second, after = timed(alone, features[half:n_alone])
    same = np.mean([a == b[0].text for a, b in zip(first + second, found)])
    case = f"captions_{n_units}_units_beam50_rerank"
    bench.add(case, "captions_per_s", "1/s", n_units / seconds)
    bench.add(case, "caption_s", "s", seconds / n_units, (before + after) / n_alone)
    bench.add(case, "same_captions", "1", same)
    described, seconds_alone = timed(lambda: [together(unit[None])[0] for unit in features[:n_alone]])
    bench.add(case, "caption_of_a_unit_by_itself_s", "s", seconds_alone / n_alone, seconds / n_units)
    bench.add(case, "same_scores_by_itself", "1", float(described == found[:n_alone]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--units", type=int, default=512)
    parser.add_argument("--alone", type=int, default=16, help="units that are captioned one at a time")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=("exemplars", "captions"))
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "bench" / "milan.csv")
    arguments = parser.parse_args()
    bench = Bench()
    print("| case | measure | unit | ours | peer | ratio |\n| --- | --- | --- | --- | --- | --- |")
    if arguments.only != "exemplars":
        bench_captions(bench, arguments.units, arguments.alone, arguments.device, arguments.threads)
    if arguments.only != "captions":
        bench_exemplars(bench, arguments.images, arguments.repeats, arguments.device, arguments.threads)
    bench.write(arguments.output)


if __name__ == "__main__":
    main()
