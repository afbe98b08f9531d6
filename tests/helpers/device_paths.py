"""Everything that runs on a device, each as a function of the device: for tests that compare devices, and for benchmarks.

A path is prepared once, without a device, and returns `run(device)`; what that returns is compared: arrays and lists by name.
"""

import shutil
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from lib.captioning.decoding.clip import build_clip, embed_exemplars, embed_sentences
from lib.captioning.decoding.rerank import describe
from lib.captioning.decoding.scoring import draw_sentences, score_sentences
from lib.captioning.decoding.sweeping import rerank_at_temperatures
from lib.captioning.model.decoder import Decoder, DecoderSizes
from lib.captioning.model.encoder import Encoder, encode_exemplars
from lib.captioning.model.language_model import LanguageModel
from lib.captioning.model.vocabulary import Indexer
from lib.captioning.training.captioners import Annotated, train_captioner
from lib.captioning.training.fitting import seeded
from lib.data.formats.exemplars import read_exemplars
from lib.data.stores.activations import open_activations
from lib.kernels.activations.ranges import cluster_ranges
from lib.kernels.activations.unit_pass import count_on_device, count_per_atom
from lib.models.build.generators import PlaygroundGenerator
from lib.models.build.loading import Network, open_network
from lib.models.build.zoo import build_network
from lib.models.device import prepare_device
from lib.models.latents.training import random_directions, train_autoencoder
from lib.models.recording.ablation import RangeEraser
from lib.models.recording.erased_predictions import predict_erased
from lib.models.recording.generating import generate, train_generator
from lib.models.recording.recorder import Recorder, as_arrays, open_recorder
from lib.models.recording.unit_pass_torch import DeviceCounter
from lib.models.training.classifier import accuracy, train_classifier
from lib.playground.drawing import draw_playground
from lib.stages.activations.record_activations import record_activations
from lib.stages.exemplars.list_images import list_images
from tests.benchmarks.broden_like import make_atoms, make_unit
from tests.helpers.exemplar_stages import make_exemplars


@dataclass(frozen=True)
class Size:
    """How much each path does."""

    network: str
    pixels: int
    images: int
    units: int
    words: int
    beam: int
    steps: int
    batch: int
    latents: int
    clip: str
    threads: int
    layers: tuple[str, ...] = ("layer1", "layer4")


TINY = Size("resnet18", 32, 48, 3, words=20, beam=4, steps=1, batch=16, latents=96, clip="", threads=2)

NORMALISED = {"normalisation": "imagenet", "seed": 0}


def _network(size, device, name=None, **options):
    settings = {"name": name or size.network, **NORMALISED, **options}
    return open_network(settings, weights=None, trusted_sha256=[], device=device)


def _images(size, n=None):
    coarse = np.random.default_rng(0).integers(0, 256, (n or size.images, 8, 8, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, size.pixels // 8, axis=1), size.pixels // 8, axis=2)


def _weights(module):
    return {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}


def _folder(size, folder):
    """Draw the playground once."""
    if not (folder / "data").exists():
        options = {"image_size": size.pixels, "seed": 0, "validation_share": 0.3, "processes": size.threads}
        draw_playground(folder / "data", n_images=size.images, **options)
        paths = {"data": str(folder / "data"), "images": str(folder / "images.csv")}
        list_images(**paths, skipped=str(folder / "skipped.csv"), subset="", column="path", threads=size.threads)
    return folder / "data"


def forward(size, folder, **options):
    """Record maps of images in memory."""
    images = _images(size)

    def run(device):
        network = _network(size, device, **options)
        with open_recorder(network, list(size.layers)) as recorder:
            parts = [as_arrays(recorder(network.to_input(part))) for part in np.array_split(images, len(images) // 24)]
        return {layer: np.concatenate([part[layer] for part in parts]) for layer in size.layers}

    return run


def folded(size, folder):
    """Record maps with folded batch norms."""
    return forward(size, folder, fold_batch_norms=True)


def reduced(size, folder):
    """Record maps in bfloat16."""
    return forward(size, folder, precision="bfloat16")


def record(size, folder):
    """Record activations of image files in stores."""
    data = _folder(size, folder)

    def run(device):
        made = folder / f"activations-{device.replace(':', '')}" / "0-of-1"
        record_activations(
            data=str(data),
            weights=[],
            activations=str(made),
            layers=list(size.layers),
            shard="0-of-1",
            network={"name": size.network, **NORMALISED},
            concepts={"subset": "", "categories": ["scene"]},
            input_size=[size.pixels, size.pixels],
            version="1",
            trusted_sha256=[],
            device=device,
            batch_size=96,
            threads=size.threads,
        )
        last = open_activations([str(made)], size.layers[-1])
        return {"maps": np.concatenate(list(last.blocks(slice(None), most_bytes=2**26)))}

    return run


def exemplars(size, folder):
    """Tally the units of image files and collect their exemplars."""
    _folder(size, folder)

    def run(device):
        own = folder / f"exemplars-{device.replace(':', '')}"
        own.mkdir(exist_ok=True)
        shutil.copy(folder / "images.csv", own)
        make_exemplars(
            own,
            layers=list(size.layers),
            geometry={"resize": size.pixels, "crop": size.pixels},
            output_size=size.pixels,
            network={"name": size.network, **NORMALISED},
            k=5,
            device=device,
            batch_size=96,
            threads=size.threads,
        )
        found = [read_exemplars(own / "exemplars", layer) for layer in size.layers]
        thresholds = pd.read_csv(own / "units.csv")["threshold"].to_numpy()
        return {"ids": np.concatenate([one.ids for one in found]), "thresholds": thresholds}

    return run


def counts(size, folder):
    """Count bitmap pixels per atom: on the CPU by its own code, which is another."""
    atoms = make_atoms(max(4, size.images // 8), 60, seed=0)
    units = [make_unit(atoms, seed=unit) for unit in range(size.units)]
    ranges = [np.array(cluster_ranges(maps, 5), np.float64).T for maps in units]

    def run(device):
        place = prepare_device(device)
        if place.type == "cpu":
            found = [count_per_atom([maps], atoms, lower=low, upper=up) for maps, (low, up) in zip(units, ranges)]
        else:
            counter = DeviceCounter(atoms.pixel_atoms, atoms.image_start, device=place)
            shape = atoms.pixel_atoms.shape[1:]
            found = [
                count_on_device([maps], counter, shape=shape, lower=low, upper=up)
                for maps, (low, up) in zip(units, ranges)
            ]
        return {"counts": np.stack(found)}

    return run


def captions(size, folder):
    """Encode exemplars, describe units in all ways and score sentences, by a captioning model with random weights."""
    indexer = Indexer(tuple(f"word{number}" for number in range(size.words)))
    pictures = _images(size, 3 * size.units).transpose(0, 3, 1, 2)
    pictures = np.ascontiguousarray(pictures).reshape(size.units, 3, 3, size.pixels, size.pixels)
    masks = (pictures[:, :, :1] > 99).astype(np.uint8)

    def run(device):
        place = prepare_device(device)
        encoder = Encoder(build_network("resnet18", n_classes=2, seed=0), "resnet18").to(place)
        (features,) = encode_exemplars(encoder, [pictures], [masks], threads=size.threads)
        with seeded(0):
            decoder = Decoder(DecoderSizes(indexer.n_symbols, encoder.feature_size)).eval().to(place)
            language_model = LanguageModel(indexer.n_symbols).eval().to(place)
        models, shared = (decoder, language_model, features), {"indexer": indexer, "threads": size.threads}
        searching = {"length": 15, "beam_size": size.beam, "lm_sum": "exact"}
        found = {"features": features}
        for strategy, informed in (("rerank", False), ("beam", True), ("greedy", True)):
            options = {"strategy": strategy, "use_information": informed, "temperature": 0.2} | searching
            best = [unit[0] for unit in describe(*models, **shared, **options)]
            found[strategy], found[f"{strategy}_scores"] = [one.text for one in best], [one.score for one in best]
        drawing = {"use_information": True, "length": 9, "temperature": 0.2, "n_draws": 2, "seed": 0}
        drawn = draw_sentences(*models, **shared, **drawing)
        found["drawn"] = [one.text for unit in drawn for one in unit]
        given = score_sentences(*models, **shared, sentences=[[text] for text in found["rerank"]], temperature=0.2)
        found["given_scores"] = [unit[0].score for unit in given]
        swept = rerank_at_temperatures(*models, **shared, **searching, temperatures=[0.1, 0.3])
        return found | {"swept": [text for texts in swept for text in texts]}

    return run


def clip(size, folder):
    """Embed exemplars and sentences by a CLIP with random weights."""
    pictures = _images(size, 3 * size.units).transpose(0, 3, 1, 2).reshape(size.units, 3, 3, size.pixels, size.pixels)
    masks = (pictures[:, :, :1] > 99).astype(np.uint8)
    texts = [f"a thing of number {number}" for number in range(3 * size.units)]

    def run(device):
        with seeded(5):
            model = build_clip(size.clip, tag=None)
        model = model.to(prepare_device(device))
        (seen,) = embed_exemplars(model, [pictures], [masks], whole=0.5, threads=size.threads)
        return {"images": seen, "texts": np.concatenate(list(embed_sentences(model, texts, threads=size.threads)))}

    return run


def erased(size, folder):
    """Predict with units, and with ranges, set to zero."""
    images, layer = _images(size), "layer4"

    def run(device):
        network = _network(size, device, "resnet18")
        sets = {layer: np.random.default_rng(1).random((4, 512)) < 0.3}
        load = {"load": lambda chosen: images[list(chosen)], "n_images": len(images)}
        units = predict_erased(network, sets, **load, batch_size=24, threads=size.threads)
        lower = torch.full((2, 512), 0.1, device=network.device)
        with RangeEraser(network.module, layer) as eraser:
            ranges = eraser(network.to_input(images[:24]), lower=lower, upper=lower + 1)
        return {"units": units, "ranges": ranges.cpu().numpy()}

    return run


def classifier(size, folder):
    """Train classifiers, one with dropout."""
    images = _images(size)
    labels = (images.mean((1, 2, 3)) > 127).astype(np.int64)

    def run(device):
        found, place = {}, prepare_device(device)
        for name in (size.network, "squeezenet1_1"):
            network = build_network(name, n_classes=2, seed=0)
            train_classifier(
                network,
                images,
                labels,
                sizes=[size.pixels] * size.steps,
                batch_size=size.batch,
                learning_rate=1e-4,
                weight_decay=0.01,
                augment=True,
                normalisation="imagenet",
                seed=0,
                device=place,
            )
            found[f"{name}.accuracy"] = accuracy(network, images, labels, normalisation="imagenet", device=place)
            found |= {f"{name}.{key}": array for key, array in _weights(network).items()}
        return found

    return run


def captioner(size, folder):
    """Train a decoder and a language model."""
    rng = np.random.default_rng(0)
    words = rng.integers(0, size.words, (size.images, 2, 3))
    said = [tuple(" ".join(f"word{word}" for word in text) for text in unit) for unit in words]
    features = rng.standard_normal((size.images, 3, 64), dtype=np.float32)
    units = Annotated(features, said, [])
    settings = {"epochs": size.steps, "patience": size.steps, "batch_size": size.batch, "learning_rate": 1e-3}
    settings |= {"embedding_size": 32, "hidden_size": 64, "attention_size": 32}
    settings |= {"lm_hidden_size": 64, "lm_layers": 2, "dropout": 0.5}
    train, stop = np.split(np.arange(size.images), [size.images * 3 // 4])

    def run(device):
        options = {"language_model": True, "seed": 0, "state": None, "threads": size.threads}
        trained = train_captioner(units, train, stop, settings=settings, device=prepare_device(device), **options)
        parts = {"decoder": trained.decoder, "language_model": trained.language_model}
        found = {f"{part}.{key}": array for part, own in parts.items() for key, array in _weights(own).items()}
        found.pop(
            "decoder.attend.output.0.bias"
        )  # it shifts all scores of a softmax alike, so its gradient is rounding alone
        return found

    return run


def autoencoders(size, folder):
    """Train autoencoders, and record latents of a layer."""
    samples = np.random.default_rng(0).standard_normal((64 * size.batch, 64), dtype=np.float32)
    images = _images(size)[:24]

    def run(device):
        found, place = {}, prepare_device(device)
        options = {"n_latents": size.latents, "active": 4, "epochs": size.steps, "batch_size": 4 * size.batch}
        for kind in ("topk", "batchtopk", "frozen"):
            made = train_autoencoder(samples, kind=kind, learning_rate=1e-3, seed=0, device=place, **options)
            found |= {f"{kind}.{name}": tensor.numpy() for name, tensor in made.tensors.items()}
        network = _network(size, device, "resnet18")
        own = {"layer1#a": random_directions(64, n_latents=size.latents, seed=0).to(place), "layer1#b": made.to(place)}
        with Recorder(network.module, list(own), latents=own, sparse=True) as recorder:
            outputs = as_arrays(recorder(network.to_input(images)))
        return found | {"dense": outputs["layer1#a"], "sparse": outputs["layer1#b"].values}

    return run


def generator(size, folder):
    """Train the playground's generator and draw images from it."""
    images = np.random.default_rng(0).integers(0, 256, (max(48, size.images), 64, 64, 3), dtype=np.uint8)
    latents = np.random.default_rng(1).standard_normal((30, 8), dtype=np.float32)

    def run(device):
        place = prepare_device(device)
        with seeded(0):
            module = PlaygroundGenerator(latent_size=8)
        options = {"epochs": size.steps, "batch_size": size.batch, "learning_rate": 1e-3, "seed": 0}
        left = train_generator(module, images, **options, device=place)
        return {"left": left, "images": generate(Network(module, place, "untrained"), (latents,))} | _weights(module)

    return run


PATHS = {
    path.__name__: path
    for path in (
        forward,
        folded,
        reduced,
        record,
        exemplars,
        counts,
        captions,
        clip,
        erased,
        classifier,
        captioner,
        autoencoders,
        generator,
    )
}


def largest_difference(found, expected):
    """Return the largest difference of the numbers, relative to the largest number of each array; infinite for other shapes."""
    largest = 0.0
    for name, own in expected.items():
        ours, theirs = (np.asarray(value) for value in (found[name], own))
        if ours.shape != theirs.shape:
            return float("inf")
        if theirs.dtype.kind == "f" and theirs.size:
            scale = np.abs(theirs).max() or 1.0
            largest = max(largest, float(np.abs(ours.astype(np.float64) - theirs).max() / scale))
    return largest


def share_equal(found, expected):
    """Return the share of whole numbers and texts that are equal; None if there are none."""
    same = [
        np.ravel(np.asarray(found[name]) == np.asarray(own))
        for name, own in expected.items()
        if np.asarray(own).dtype.kind not in "f"
    ]
    return float(np.concatenate(same).mean()) if same else None
