"""Stage: train a captioning model on annotated units of some networks, and measure it on held-out units."""

import logging

import numpy as np
import pandas as pd

from ...captioning.checkpoints.native import write_captioner
from ...captioning.decoding.rerank import describe
from ...captioning.model.captioner import Captioner, EncoderRecord, Settings
from ...captioning.model.decoder import Decoder, DecoderSizes
from ...captioning.model.encoder import Encoder, count_distinct, encode_exemplars
from ...captioning.model.language_model import LanguageModel
from ...captioning.model.vocabulary import Indexer, Tokenizer, count_vocabulary
from ...captioning.training.fitting import TrainingSettings, seeded
from ...captioning.training.resuming import remove_state
from ...captioning.training.train import split_units, train_decoder, train_language_model
from ...data.formats.annotations import merge_annotations, read_annotations
from ...data.formats.exemplars import read_exemplars, read_layers
from ...data.stores.tables import write_table
from ...kernels.metrics.captions import measure_captions
from ...kernels.metrics.text import constant_caption, shuffled_captions
from ...models.build.loading import open_network
from ...models.build.zoo import NORMALISATION
from ...runtime.progress import Progress

logger = logging.getLogger(__name__)

ATTENTION_PENALTY = 1.0  # the published weight
CONSTANT_CANDIDATES = 50


def train_milan(
    *,
    exemplars: list[str],
    annotations: list[str],
    encoder_weights: str,
    milan: str,
    report: str,
    networks: list[str],
    encoder: str,
    normalisation: str,
    trusted_sha256: list[str],
    embedding_size: int,
    hidden_size: int,
    attention_size: int,
    lm_hidden_size: int,
    lm_layers: int,
    dropout: float,
    epochs: int,
    patience: int,
    batch_size: int,
    learning_rate: float,
    hold_out: float,
    beam_size: int,
    temperature: float,
    length: int,
    seed: int,
    device: str,
    threads: int,
) -> None:
    """Train a language model and a decoder, write them with their encoder, and report the agreement on held-out units.

    Two disjoint parts of the units are held out: the first for early stopping, the second for the report.
    Files beside `milan` store the state of each training run after its last epoch until all is written: an interrupted run
    resumes from there and ends with the same bytes.

    Parameters
    ----------
    exemplars : list of str
        Exemplar folders, one for each network.
    annotations : list of str
        The annotations of each network's units.
    encoder_weights : str
        Checkpoint of the encoder's network.
    milan : str
        Output: the captioning model, one safetensors file with everything that describing needs.
    report : str
        Output table `description_metrics`.
    networks : list of str
        Names of the annotated networks, in the order of their exemplars.
    encoder : str
        Name of the encoder's network: alexnet, resnet18, resnet50 or resnet101.
    normalisation : str
        A key of `NORMALISATION`.
    trusted_sha256 : list of str
        As for `open_network`.
    embedding_size, hidden_size, attention_size, lm_hidden_size, lm_layers : int
        Sizes of the decoder and the language model.
    dropout : float
        Dropout of both.
    epochs, patience, batch_size : int
        As in `TrainingSettings`.
    learning_rate : float
        As in `TrainingSettings`.
    hold_out : float
        Share of the units for early stopping, and the share for the report.
    beam_size : int
        Beam width, in the report and by default later.
    temperature : float
        Weight of the language model, likewise.
    length : int
        Longest description, in words.
    seed : int
        Seed of the split, the initial weights, the order and dropout.
    device : str
        As for `prepare_device`.
    threads : int
        It does not change results.
    """
    settings = {"name": encoder, "normalisation": normalisation, "seed": seed}
    network = open_network(settings, weights=encoder_weights, trusted_sha256=trusted_sha256, device=device)
    place, (mean, std) = network.device, NORMALISATION[normalisation]
    image_encoder = Encoder(network.module, encoder, mean=mean, std=std).to(place)
    features, captions = _collect(networks, exemplars, annotations, image_encoder, threads)
    train, stop, test = split_units(len(captions), (hold_out, hold_out), seed=seed)
    logger.info("%d units to train on, %d for early stopping, %d for the report", len(train), len(stop), len(test))

    indexer = Indexer(count_vocabulary((" ".join(captions[unit]) for unit in train), Tokenizer()))
    sizes = DecoderSizes(
        indexer.n_symbols, image_encoder.feature_size, embedding_size, hidden_size, attention_size, dropout
    )
    with seeded(seed, 0):
        decoder = Decoder(sizes).to(place)
        model = LanguageModel(
            indexer.n_symbols,
            embedding_size=embedding_size,
            hidden_size=lm_hidden_size,
            layers=lm_layers,
            dropout=dropout,
        ).to(place)
    steps = TrainingSettings(epochs, patience, batch_size, learning_rate, seed, threads)
    parts = {"indexer": indexer, "held_out": stop, "excluded": test, "settings": steps}
    kept = [f"{milan}.{part}.training" for part in ("language_model", "decoder")]
    train_language_model(model, captions, checkpoint=kept[0], **parts)
    train_decoder(decoder, features, captions, penalty=ATTENTION_PENALTY, checkpoint=kept[1], **parts)

    known = [captions[unit] for unit in train]
    options = {
        "indexer": indexer,
        "length": length,
        "beam_size": beam_size,
        "temperature": temperature,
        "lm_sum": "exact",
        "threads": threads,
    }
    rows = _measure(decoder, model, features[test], [captions[unit] for unit in test], known, options, seed)
    write_table(pd.DataFrame(rows), report, "description_metrics")
    record = EncoderRecord("pyramid", encoder, mean, std, network.module.state_dict())
    settings = Settings(length=length, beam_size=beam_size, temperature=temperature)
    write_captioner(milan, Captioner(indexer, decoder, model, record, settings))
    for path in kept:
        remove_state(path)


def _collect(
    networks: list[str], roots: list[str], tables: list[str], image_encoder: Encoder, threads: int
) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Encode the exemplars of all networks and keep the annotated units, with their annotations."""
    layers, captions = [], []
    for network, root, table in zip(networks, roots, tables, strict=True):
        annotations = read_annotations(table)
        logger.info("%s: %d annotated units", network, len(annotations))
        own = [read_exemplars(root, layer) for layer in read_layers(root)]
        known = {(layer.layer, int(unit)) for layer in own for unit in layer.units}
        unknown = sorted(annotations.keys() - known)
        if unknown:
            layer, unit = unknown[0]
            raise LookupError(
                f"{table}: {len(unknown)} units have no exemplars in {root}; the first is layer {layer} unit {unit}"
            )
        layers += own
        captions += [merge_annotations(annotations, layer.layer, layer.units, required=False) for layer in own]
    images, masks = [layer.images for layer in layers], [layer.masks for layer in layers]
    counts = {layer.shape[1] for layer in images}
    if len(counts) != 1:
        raise ValueError(
            f"all networks must have equally many exemplars per unit, not {sorted(counts)}; config key datasets.*.k"
        )
    with Progress(total=count_distinct(images), desc="encoding images", unit="image") as progress:
        encoded = encode_exemplars(image_encoder, images, masks, threads=threads, progress=progress.update)
    texts = [own for layer in captions for own in layer]
    annotated = [unit for unit, own in enumerate(texts) if own]
    logger.info("%d of %d units are annotated", len(annotated), len(texts))
    return np.concatenate(encoded)[annotated], [texts[unit] for unit in annotated]


def _measure(
    decoder: Decoder,
    model: LanguageModel,
    features: np.ndarray,
    references: list[tuple[str, ...]],
    known: list[tuple[str, ...]],
    options: dict,
    seed: int,
) -> list[dict]:
    """Compare ways of decoding, and baselines that ignore the exemplars, on the same units."""
    ways = {
        "milan_rerank": {"strategy": "rerank", "use_information": False},
        "milan_mi_beam": {"strategy": "beam", "use_information": True},
        "likelihood_beam": {"strategy": "beam", "use_information": False},
        "milan_mi_greedy": {"strategy": "greedy", "use_information": True},
        "likelihood_greedy": {"strategy": "greedy", "use_information": False},
    }
    captions_by_method = {
        name: [best.text for best, *_ in describe(decoder, model, features, **way, **options)]
        for name, way in ways.items()
    }
    captions_by_method["constant"] = [constant_caption(known, n_candidates=CONSTANT_CANDIDATES)] * len(references)
    captions_by_method["shuffled"] = shuffled_captions(captions_by_method["milan_rerank"], seed=seed)
    rows = []
    for name, texts in captions_by_method.items():
        values = measure_captions(texts, references, bert_score_model=None)
        logger.info("%s: %s", name, ", ".join(f"{measure} {value:.2f}" for measure, value in values.items()))
        rows.append({"units": "held_out", "captions": name, "n_units": len(references), **values})
    return rows
