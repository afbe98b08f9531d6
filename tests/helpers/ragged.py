"""Runs networks and captioning models on batches of ragged sizes and names each case in which a result depends on them.

    python tests/helpers/ragged.py [folder for archives]

Run by tests/test_same_bytes.py in processes of their own, because libraries choose their instructions when they start.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lib.captioning.decoding.clip import build_clip, embed_exemplars, order
from lib.captioning.decoding.rerank import Candidate, describe
from lib.captioning.model.decoder import Decoder, DecoderSizes
from lib.captioning.model.encoder import Encoder, encode_exemplars
from lib.captioning.model.language_model import LanguageModel
from lib.captioning.model.vocabulary import Indexer
from lib.models.build.factories import Recipe, build
from lib.models.build.loading import Network
from lib.models.recording.ablation import RangeEraser
from lib.models.recording.generating import generate
from lib.models.recording.recorder import Recorder
from lib.models.weights.trust import digest_of
from tests.conftest import add_tiny_clip  # noqa: E402

N = 29
SPLITS = ([1, 2, 26], [N])
SIZE = 48
NETWORKS = {
    "resnet18": ["layer1", "layer4"],
    "resnet50": ["layer1", "layer4", "fc"],
    "mobilenet_v3_small": ["features.1", "features.12"],
    "shufflenet_v2_x1_0": ["stage2", "stage4"],
    "densenet161": ["features.denseblock1", "features.denseblock4"],
    "convnext_tiny": ["features.1", "features.7"],
    "swin_t": ["features.1", "features.7"],
    "timm:vit_tiny_patch16_224": ["blocks.0.mlp.fc1", "blocks.3"],
}
ARGUMENTS = {"timm:vit_tiny_patch16_224": {"img_size": SIZE, "depth": 4}}


def parts(split):
    """Return slices of these lengths, one behind the other."""
    ends = np.cumsum(split)
    assert ends[-1] == N
    return [slice(end - n, end) for n, end in zip(split, ends)]


def network_of(factory, *, trusted=()):
    recipe = Recipe(factory, ARGUMENTS.get(factory, {}))
    return build(recipe, n_classes=None, seed=0, trusted_sha256=list(trusted))


def networks(images):
    for name, layers in NETWORKS.items():
        with Recorder(network_of(name), layers) as recorder:
            for layer in layers:
                found = [torch.cat([recorder(images[part])[layer] for part in parts(split)]) for split in SPLITS]
                yield f"{name} {layer}", found


def archives(images, folder):
    network = network_of("resnet18")
    script = str(folder / "script.pt")
    torch.jit.trace(network, images[:2]).save(script)
    program = torch.export.export(network, (images[:2],), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, str(folder / "exported.pt2"))
    for path in (script, str(folder / "exported.pt2")):
        with Recorder(network_of(path, trusted=[digest_of(path)]), ["layer2"]) as recorder:
            found = [torch.cat([recorder(images[part])["layer2"] for part in parts(split)]) for split in SPLITS]
            yield Path(path).name, found


def erased(images):
    bounds = {"lower": torch.full((2, 128), 0.1), "upper": torch.full((2, 128), 1.0)}
    with RangeEraser(network_of("resnet18"), "layer2") as eraser:
        found = [torch.cat([eraser(images[part], **bounds) for part in parts(split)], dim=1) for split in SPLITS]
        yield "erased ranges", found


def generated():
    network = Network(network_of("playground_generator"), torch.device("cpu"), "untrained")
    latents = np.random.default_rng(0).standard_normal((N, 32), dtype=np.float32)
    made = [np.concatenate([generate(network, (latents[part],)) for part in parts(split)]) for split in SPLITS]
    yield "generated images", made
    with Recorder(network.module, ["layer3"]) as recorder:
        pieces = [[recorder(torch.from_numpy(latents[part]))["layer3"] for part in parts(split)] for split in SPLITS]
        yield "generator layer3", [torch.cat(own) for own in pieces]


def exemplars():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (N, 3, 3, 48, 48), dtype=np.uint8)
    masks = rng.integers(0, 2, (N, 3, 1, 48, 48), dtype=np.uint8)
    return images, masks


def encoders():
    images, masks = exemplars()
    for kind in ("pyramid", "spatial"):
        encoder = Encoder(network_of("resnet18"), "resnet18", kind=kind)
        found = [
            np.concatenate([encode_exemplars(encoder, [images[part]], [masks[part]])[0] for part in parts(split)])
            for split in SPLITS
        ]
        yield f"{kind} encoder", found


def captions():
    """Published sizes but for the vocabulary, so that the matrix products are those of a real model."""
    indexer = Indexer(tuple(f"word{number}" for number in range(300)))
    decoder = Decoder(DecoderSizes(indexer.n_symbols, 600)).eval()
    model = LanguageModel(indexer.n_symbols).eval()
    with torch.no_grad():
        for layer in (decoder.output[1], model.output[0]):
            layer.weight.mul_(8)
        decoder.output[1].bias[indexer.stop_id] += 3
    features = np.random.default_rng(2).standard_normal((N, 5, 600), dtype=np.float32)
    for strategy, information in (("rerank", False), ("beam", True), ("beam", False), ("greedy", True)):
        options = {"indexer": indexer, "strategy": strategy, "use_information": information, "n_best": 3}
        options |= {"length": 8, "beam_size": 7, "temperature": 0.2, "lm_sum": "published"}
        found = []
        for split in SPLITS:
            described = [unit for part in parts(split) for unit in describe(decoder, model, features[part], **options)]
            found.append([[(each.text, each.score, each.log_likelihood) for each in unit] for unit in described])
        yield f"captions by {strategy}, mutual information {information}", found


def clips():
    clip = build_clip(add_tiny_clip(Path(tempfile.mkdtemp())), tag=None)
    images, masks = exemplars()
    found = []
    for split in SPLITS:
        embedded = [embed_exemplars(clip, [images[part]], [masks[part]], whole=0.5)[0] for part in parts(split)]
        texts = [[Candidate(f"word {unit} {rank}", 0, 0, 0) for rank in range(2)] for unit in range(N)]
        ordered = [order(clip, texts[part], own) for part, own in zip(parts(split), embedded)]
        found.append([[(each.text, each.score) for each in unit] for part in ordered for unit in part])
    yield "CLIP", found


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    images = torch.randn(N, 3, SIZE, SIZE)
    with tempfile.TemporaryDirectory() as folder:
        for cases in (
            networks(images),
            archives(images, Path(folder)),
            erased(images),
            generated(),
            encoders(),
            captions(),
            clips(),
        ):
            for name, found in cases:
                first, *others = (part.tolist() if not isinstance(part, list) else part for part in found)
                print(f"{'same' if all(other == first for other in others) else 'DIFFERENT'}: {name}", flush=True)


if __name__ == "__main__":
    main()
