"""CLIP: masked attention against golden results and by hand, and the order of sentences."""

import json

import numpy as np
import open_clip
import pytest
import torch
from places import GOLDEN, NO_GOLDEN
from torch import nn

from lib.captioning.checkpoints.published import read_published
from lib.captioning.decoding.clip import Clip, build_clip, count_embeddings, embed_exemplars, order
from lib.captioning.decoding.rerank import Candidate, describe
from lib.data.formats.exemplars import read_exemplars

needs_golden = pytest.mark.skipif(not GOLDEN.exists(), reason=NO_GOLDEN)
TOLERANCE = 2e-5
OPENAI = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}


class MiniatureClip(nn.Module):
    """The CLIP of the golden data, whose texts are sums of bytes."""

    def __init__(self, weights):
        super().__init__()
        sizes = {"image_size": 224, "patch_size": 32, "width": 64, "layers": 3, "heads": 4, "mlp_ratio": 4}
        self.visual = open_clip.transformer.VisionTransformer(**sizes, output_dim=48)
        self.token_embedding = nn.Embedding(257, 48)
        self.load_state_dict(weights)

    def encode_text(self, tokens):
        factors = torch.linspace(0.5, 1.5, 77) * (tokens > 0)
        return (self.token_embedding(tokens) * factors[:, :, None]).sum(dim=1)


def to_bytes(texts):
    rows = [[byte + 1 for byte in text.encode()] for text in texts]
    return torch.tensor([row + [0] * (77 - len(row)) for row in rows])


@pytest.fixture(scope="module")
def golden():
    case = json.loads((GOLDEN / "golden/clip/clip.json").read_text())
    weights = torch.load(GOLDEN / "golden/clip/miniclip.pth", weights_only=True)
    clip = Clip(MiniatureClip(weights), to_bytes, **OPENAI)
    exemplars = read_exemplars(GOLDEN / "exemplars/resnet18/synthetic", "layer3")
    places = [list(exemplars.units).index(unit) for _, unit in case["units"]]
    return case, clip, exemplars.images[places], exemplars.masks[places]


@needs_golden
@pytest.mark.parametrize(
    ("name", "masked", "blocks"),
    [
        ("similarity", False, None),
        ("similarity_masked", True, None),
        ("similarity_masked_first_layer_only", True, [0]),
    ],
)
def test_similarities_equal_golden(golden, name, masked, blocks):
    case, clip, images, masks = golden
    for unit, texts in enumerate(case["texts"]):
        covers = torch.from_numpy(masks[unit]).float() if masked else None
        with torch.inference_mode():
            seen = clip.embed_images(torch.from_numpy(images[unit]) / 255, covers, blocks=blocks)
            found = seen @ clip.embed_texts(texts).T
        assert np.abs(found.numpy() - case[name][unit]).max() < TOLERANCE


@needs_golden
@pytest.mark.parametrize("whole", [0.0, 0.25, 0.5, 1.0])
def test_orders_and_scores_equal_golden(golden, whole):
    case, clip, images, masks = golden
    wanted = case["rerank"][f"lam={whole},default=0.5"]
    (embedded,) = embed_exemplars(clip, [images], [masks], whole=whole)
    ordered = order(clip, [[Candidate(text, 0, 0, 0) for text in texts] for texts in case["texts"]], embedded)
    for unit, texts in enumerate(case["texts"]):
        assert [texts.index(each.text) for each in ordered[unit]] == wanted["orders"][unit]
        assert np.abs(np.array([each.score for each in ordered[unit]]) - wanted["scores"][unit]).max() < TOLERANCE


@needs_golden
def test_captions_equal_golden(golden):
    """The published way: mutual information in the beam, then CLIP's order of whole images."""
    case, clip, images, masks = golden
    published = read_published(str(GOLDEN / "weights/milan-synthetic.pth"))
    features = np.load(GOLDEN / "golden/features.npy")[[0, 1, 2]]
    found = describe(
        published.decoder,
        published.language_model,
        features,
        indexer=published.indexer,
        strategy="beam",
        use_information=True,
        length=15,
        beam_size=10,
        temperature=0.2,
        lm_sum="published",
        n_best=10,
    )
    assert [[each.text for each in unit] for unit in found] == case["decode"]["beam_captions"]
    (embedded,) = embed_exemplars(clip, [images], [masks], whole=case["decoder_with_clip_defaults"]["lam"])
    best = [unit[0] for unit in order(clip, found, embedded)]
    assert [each.text for each in best] == case["decode"]["captions"]
    assert np.abs(np.array([each.log_likelihood for each in best]) - case["decode"]["scores"]).max() < TOLERANCE


@pytest.fixture(scope="module")
def tiny(tiny_clip):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        clip = build_clip(tiny_clip, tag=None)
        for parameter in clip.parameters():  # what starts as zeros and ones, too
            parameter.add_(0.2 * torch.randn(parameter.shape))
    return clip


@pytest.fixture(scope="module")
def exemplars():
    """Two layers of 9 and 5 units with 3 exemplars of 24 pixels, some pictures alike."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (20, 3, 24, 24), dtype=np.uint8)
    images = [pictures[rng.integers(0, 20, (n_units, 3))] for n_units in (9, 5)]
    masks = [rng.integers(0, 2, (n_units, 3, 1, 24, 24), dtype=np.uint8) for n_units in (9, 5)]
    return images, masks


def see_one(visual, image, cover):
    """Look at one normalised image (3, H, W) in double precision, one token, head and step after the other."""
    width, patch = visual.conv1.out_channels, visual.patch_size[0]

    def normalise(vector, layer):
        scaled = (vector - vector.mean()) / (vector.var(unbiased=False) + layer.eps).sqrt()
        return scaled * layer.weight.double() + layer.bias.double()

    tokens = [visual.class_embedding.double()]
    for top in range(0, image.shape[1], patch):
        for left in range(0, image.shape[2], patch):
            piece = image[:, top : top + patch, left : left + patch].double()
            tokens.append(torch.stack([(kernel.double() * piece).sum() for kernel in visual.conv1.weight]))
    tokens = [
        normalise(token + place.double(), visual.ln_pre) for token, place in zip(tokens, visual.positional_embedding)
    ]
    for block in visual.transformer.resblocks:
        n_heads, size = block.attn.num_heads, width // block.attn.num_heads
        weight, bias = block.attn.in_proj_weight.double(), block.attn.in_proj_bias.double()
        projected = [weight @ normalise(token, block.ln_1) + bias for token in tokens]
        attended = []
        for row, asking in enumerate(projected):
            heads = []
            for head in range(n_heads):
                own = slice(head * size, (head + 1) * size)
                logits = [asking[own] @ other[width:][own] / size**0.5 for other in projected]
                shares = torch.stack(logits).exp() / torch.stack(logits).exp().sum()
                mixed = torch.zeros(size, dtype=torch.double)
                for column, (share, other) in enumerate(zip(shares, projected)):
                    hidden = cover[column - 1] if row == 0 and column > 0 else 1.0
                    mixed += share * hidden * other[2 * width :][own]
                heads.append(mixed)
            attended.append(block.attn.out_proj.weight.double() @ torch.cat(heads) + block.attn.out_proj.bias.double())
        tokens = [token + seen for token, seen in zip(tokens, attended)]
        first, second = block.mlp.c_fc, block.mlp.c_proj
        for number, token in enumerate(tokens):
            inner = nn.functional.gelu(first.weight.double() @ normalise(token, block.ln_2) + first.bias.double())
            tokens[number] = token + second.weight.double() @ inner + second.bias.double()
    vector = normalise(tokens[0], visual.ln_post) @ visual.proj.double()
    return vector / vector.norm()


def test_masked_attention_is_what_the_definition_gives(tiny, exemplars):
    images, masks = torch.from_numpy(exemplars[0][0][0]) / 255, torch.from_numpy(exemplars[1][0][0]).float()
    with torch.inference_mode():
        seen = tiny.embed_images(images, masks)
        for image, mask, found in zip(images, masks, seen):
            # bilinear from 24 pixels to 3 patches without smoothing: the mean of the four in a patch's middle
            cover = torch.stack([mask[0, y : y + 2, x : x + 2].mean() for y in (3, 11, 19) for x in (3, 11, 19)])
            wanted = see_one(tiny.network.visual, ((image - tiny.mean) / tiny.std)[0], cover)
            assert (found - wanted).abs().max() < 1e-5
        assert (seen - tiny.embed_images(images)).abs().max() > 0.01, "masks matter"


def test_full_masks_are_no_masks_and_empty_ones_show_little(tiny, exemplars):
    images = torch.from_numpy(exemplars[0][1][0]) / 255
    with torch.inference_mode():
        whole, full = tiny.embed_images(images), tiny.embed_images(images, torch.ones(3, 1, 24, 24))
        empty = tiny.embed_images(images, torch.zeros(3, 1, 24, 24))
    assert (whole - full).abs().max() < 1e-5
    between_images = [(vectors[0] - vectors[1]).abs().max() for vectors in (whole, empty)]
    assert 0 < 3 * between_images[1] < between_images[0], "what the class token keeps for itself depends on the image"


def test_images_of_another_size_are_resized(tiny, exemplars):
    """D10: the published program takes CLIP's own size only."""
    images, masks = torch.from_numpy(exemplars[0][0][0]) / 255, torch.from_numpy(exemplars[1][0][0]).float()
    larger = [part.repeat_interleave(4, -1).repeat_interleave(4, -2) for part in (images, masks)]
    with torch.inference_mode():
        assert (tiny.embed_images(*larger) @ tiny.embed_images(images, masks).T).diagonal().min() > 0.9


def test_a_lambda_of_one_ignores_the_masks(tiny, exemplars):
    images, masks = exemplars
    empty = [np.zeros_like(part) for part in masks]
    for whole, same in ((1.0, True), (0.5, False), (0.0, False)):
        seen, blind = (
            embed_exemplars(tiny, images, masks, whole=whole),
            embed_exemplars(tiny, images, empty, whole=whole),
        )
        assert all(np.array_equal(*pair) for pair in zip(seen, blind)) is same
    assert count_embeddings(images, masks, whole=1.0) == len(
        {part.tobytes() for layer in images for part in layer.reshape(-1, 3, 24, 24)}
    )
    assert count_embeddings(images, masks, whole=0.0) == 42
    with pytest.raises(ValueError, match=r"weight 1.5 .* milan.clip.lambda"):
        embed_exemplars(tiny, images, masks, whole=1.5)


def test_scores_are_weighted_sums_of_cosines(tiny, exemplars):
    images, masks = exemplars
    texts = ["a red bird", "stripes", "the sky above a house"]
    embedded = embed_exemplars(tiny, images, masks, whole=0.3)
    (ordered,) = order(tiny, [[Candidate(text, 7, -3, -5) for text in texts]], [embedded[1][4]])
    with torch.inference_mode():
        pictures, covers = torch.from_numpy(images[1][4]) / 255, torch.from_numpy(masks[1][4]).float()
        cosines = (
            0.3 * tiny.embed_images(pictures) @ tiny.embed_texts(texts).T
            + 0.7 * tiny.embed_images(pictures, covers) @ tiny.embed_texts(texts).T
        )
    wanted = dict(zip(texts, cosines.sum(dim=0).tolist()))
    assert [each.text for each in ordered] == sorted(texts, key=lambda text: -wanted[text])
    assert all(abs(each.score - wanted[each.text]) < 1e-5 for each in ordered)
    assert {(each.log_likelihood, each.log_prior) for each in ordered} == {(-3, -5)}


def test_an_order_depends_on_its_unit_alone(tiny, exemplars):
    images, masks = exemplars
    words = [f"{size} {color} {thing}" for size in ("a", "two") for color in ("red", "blue") for thing in "abcdefghij"]
    rng = np.random.default_rng(1)
    candidates = [[Candidate(text, 0, 0, 0) for text in rng.permutation(words)[:6].tolist()] for _ in range(14)]
    embedded = embed_exemplars(tiny, images, masks, whole=0.5)
    ordered = order(tiny, candidates, [*embedded[0], *embedded[1]])
    threaded = embed_exemplars(tiny, images, masks, whole=0.5, threads=3)
    assert all(np.array_equal(*pair) for pair in zip(embedded, threaded))
    assert order(tiny, candidates, [*embedded[0], *embedded[1]], threads=3) == ordered
    alone = [embed_exemplars(tiny, [images[1][n : n + 1]], [masks[1][n : n + 1]], whole=0.5)[0] for n in range(5)]
    assert np.array_equal(np.concatenate(alone), embedded[1])
    assert [order(tiny, [candidates[9 + n]], alone[n])[0] for n in range(5)] == ordered[9:]
    assert order(tiny, [], []) == []


def test_equal_scores_keep_the_order_of_the_search(tiny):
    (ordered,) = order(tiny, [[Candidate(text, 0, 0, 0) for text in ("b", "a", "c")]], [np.zeros(12)])
    assert [each.text for each in ordered] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("name", "tag", "message"),
    [
        ("ViT-B-23", None, r"'ViT-B-23' is unknown.*ViT-B-32.*milan.clip.name"),
        ("RN50", "openai", r"'RN50' has no class token to mask.*milan.clip.name"),
        ("xlm-roberta-base-ViT-B-32", None, "not CLIP's own text"),
        ("ViT-B-16-SigLIP", "webli", "no class token to mask"),
        ("coca_ViT-B-32", None, "no class token to mask"),
        ("ViT-B-32", "opnai", r"no weights 'opnai' of ViT-B-32, but openai.*milan.clip.weights"),
    ],
)
def test_what_cannot_be_asked_is_refused(name, tag, message):
    with pytest.raises(ValueError, match=message):
        build_clip(name, tag=tag)


@pytest.mark.parametrize(
    ("name", "tag", "activation", "mean"),
    [
        ("ViT-B-32", "openai", "QuickGELU", OPENAI["mean"]),
        ("ViT-B-32", "laion2b_s34b_b79k", "GELU", OPENAI["mean"]),
        ("ViT-L-14", "laion2b_s32b_b82k", "GELU", (0.5, 0.5, 0.5)),
        ("ViT-B-32-quickgelu", None, "QuickGELU", OPENAI["mean"]),
        ("ViT-B-32", None, "GELU", OPENAI["mean"]),
    ],
)
def test_published_weights_bring_their_activation_and_normalisation(monkeypatch, name, tag, activation, mean):
    build = open_clip.CLIP

    def build_without_memory(**config):
        with torch.device("meta"):
            return build(**config)

    monkeypatch.setattr(open_clip, "CLIP", build_without_memory)
    clip = build_clip(name, tag=tag)
    assert type(clip.network.visual.transformer.resblocks[0].mlp.gelu).__name__ == activation
    assert clip.mean.flatten().tolist() == pytest.approx(mean)
