"""Hook points of TransformerLens and Prisma on small transformers of every library: equal to what the weights say."""

import math

import open_clip
import pytest
import timm
import torch
import transformers
from torch import nn
from torchvision.models import VisionTransformer

from lib.models.latents.training import random_directions
from lib.models.recording.ablation import RangeEraser
from lib.models.recording.hook_names import POINTS, Place, locate
from lib.models.recording.layer_names import expand_layers
from lib.models.recording.recorder import Recorder

WIDTH, HEADS, GRID = 24, 3, (4, 4)
LATENT_LAYERS = ("blocks.1.hook_resid_post", "blocks.1.hook_resid_post.class_token")
HF = {
    **{"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": HEADS, "intermediate_size": 48},
    **{"image_size": 32, "patch_size": 8},
}


def from_timm():
    sizes = {"img_size": 32, "patch_size": 8, "embed_dim": WIDTH, "depth": 2, "num_heads": HEADS}
    return timm.models.VisionTransformer(**sizes, num_classes=5, init_values=0.5)


def from_torchvision():
    sizes = {"image_size": 32, "patch_size": 8, "num_layers": 2, "num_heads": HEADS, "hidden_dim": WIDTH, "mlp_dim": 48}
    return VisionTransformer(**sizes, num_classes=5)


def from_open_clip():
    vision = {"image_size": 32, "layers": 2, "width": WIDTH, "head_width": WIDTH // HEADS, "patch_size": 8}
    text = {"context_length": 8, "vocab_size": 20, "width": WIDTH, "heads": HEADS, "layers": 2}
    return open_clip.CLIP(embed_dim=12, vision_cfg=vision, text_cfg=text)


# path of the projection of attention and of the last layer of the MLP in block 1
LIBRARIES = {
    "timm": (from_timm, "blocks.1.attn.proj", "blocks.1.mlp.fc2"),
    "torchvision": (
        from_torchvision,
        "encoder.layers.encoder_layer_1.self_attention.out_proj",
        "encoder.layers.encoder_layer_1.mlp.3",
    ),
    "open_clip": (
        from_open_clip,
        "visual.transformer.resblocks.1.attn.out_proj",
        "visual.transformer.resblocks.1.mlp.c_proj",
    ),
    "hf_vit": (
        lambda: transformers.ViTModel(transformers.ViTConfig(**HF)),
        "layers.1.attention.o_proj",
        "layers.1.mlp.fc2",
    ),
    "hf_clip": (
        lambda: transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**HF)),
        "encoder.layers.1.self_attn.out_proj",
        "encoder.layers.1.mlp.fc2",
    ),
}


@pytest.fixture(scope="module", params=LIBRARIES)
def recorded(request):
    """Return a network, images, and all hook points of block 1 as tokens of shape (n, 1 + n_patches, n_units)."""
    build, projection, last = LIBRARIES[request.param]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = build().eval()
        for parameter in network.parameters():  # what starts as zeros, too
            parameter.data += 0.1 * torch.randn(parameter.shape)
        images = torch.randn(3, 3, 32, 32)
    names = [f"blocks.1.{point}" for point in POINTS]
    with Recorder(network, [*names, *(f"{name}.class_token" for name in names)]) as recorder:
        found = recorder(images)
    values = {}
    for point, name in zip(POINTS, names, strict=True):
        patches, first = found[name], found[f"{name}.class_token"]
        assert patches.shape[2:] == GRID and first.shape == (*patches.shape[:2], 1, 1)
        values[point] = torch.cat([first[..., 0], patches.flatten(2)], dim=2).transpose(1, 2)
    modules = dict(network.named_modules())
    return network, images, values, modules[projection], modules[last]


def test_the_residual_stream_adds_up(recorded):
    values = recorded[2]
    torch.testing.assert_close(values["hook_resid_pre"] + values["hook_attn_out"], values["hook_resid_mid"])
    torch.testing.assert_close(values["hook_resid_mid"] + values["hook_mlp_out"], values["hook_resid_post"])
    assert not torch.equal(values["hook_resid_pre"], values["hook_resid_mid"])


def test_attention_follows_from_its_parts(recorded):
    _, _, values, projection, _ = recorded
    parts = [values[f"attn.hook_{part}"].unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in "qkv"]
    queries, keys, given = parts
    weights = (queries @ keys.transpose(-1, -2) / math.sqrt(WIDTH // HEADS)).softmax(-1)
    weighted = (weights @ given).transpose(1, 2).flatten(2)
    torch.testing.assert_close(weighted, values["attn.hook_z"])
    bias = projection.bias.detach()
    made = scaled(nn.functional.linear(weighted, projection.weight, bias), recorded[0], "ls1")
    torch.testing.assert_close(made.detach(), values["hook_attn_out"], rtol=1e-4, atol=1e-5)
    lengths = values["attn.hook_result"]
    assert lengths.shape[-1] == HEADS
    for head in range(HEADS):
        only = torch.zeros_like(weighted)
        own = slice(head * WIDTH // HEADS, (head + 1) * WIDTH // HEADS)
        only[..., own] = weighted[..., own]
        expected = (only @ projection.weight.detach().T).norm(dim=-1)
        torch.testing.assert_close(lengths[..., head], expected, rtol=1e-4, atol=1e-5)


def scaled(values, network, name):
    """Multiply by the layer scale, which timm's small network has."""
    modules = dict(network.named_modules())
    return values * modules[f"blocks.1.{name}"].gamma if f"blocks.1.{name}" in modules else values


def test_the_mlp_follows_from_its_hidden_values(recorded):
    _, _, values, _, last = recorded
    made = scaled(nn.functional.linear(values["mlp.hook_post"], last.weight, last.bias), recorded[0], "ls2")
    torch.testing.assert_close(made.detach(), values["hook_mlp_out"], rtol=1e-4, atol=1e-5)
    assert values["mlp.hook_pre"].shape[-1] == values["mlp.hook_post"].shape[-1] > WIDTH


def test_the_class_token_of_any_module_is_recorded(recorded):
    network, images, values = recorded[:3]
    place = locate("blocks.1.hook_resid_post", dict(network.named_modules()))
    with Recorder(network, [f"{place.module}.class_token"]) as recorder:
        (found,) = recorder(images).values()
    torch.testing.assert_close(found[:, :, 0, 0], values["hook_resid_post"][:, 0])


def test_what_cannot_be_found_is_refused():
    network = from_timm()
    for name in ("blocks.7.hook_mlp_out", "blocks.1.hook_scale", "blocks.1.mlp.class_token.class_token"):
        with pytest.raises(ValueError, match="the network has no layer"), Recorder(network, [name]):
            pass
    with (
        pytest.raises(ValueError, match="has no class token in front of patches"),
        Recorder(network, ["patch_embed.proj.class_token"]) as recorder,
    ):
        recorder(torch.zeros(1, 3, 32, 32))
    with (
        pytest.raises(ValueError, match="blocks.1.attn.hook_q, which is no module, can be recorded but not"),
        RangeEraser(network, "blocks.1.attn.hook_q"),
    ):
        pass


def test_names_are_resolved_without_the_network():
    known = [name for name, _ in from_timm().named_modules() if name]
    layers = ["blocks.0.hook_resid_post", "blocks.1.attn.hook_result.class_token", "blocks.*.mlp"]
    assert expand_layers(layers, known, model="vit") == [*layers[:2], "blocks.0.mlp", "blocks.1.mlp"]
    with pytest.raises(ValueError, match="has no layer 'blocks.2.hook_resid_post'"):
        expand_layers(["blocks.2.hook_resid_post"], known, model="vit")
    # a module of that name comes first, as in networks of TransformerLens itself
    assert locate("blocks.0.hook_mlp_out", [*known, "blocks.0.hook_mlp_out"]) == Place("blocks.0.hook_mlp_out")
    twice = [*known, *(f"other.{name}" for name in known)]
    assert locate("blocks.0.hook_mlp_out", twice) is None, "two networks in one"
    assert locate("blocks.0.hook_mlp_out", [*twice, *(f"visual.{name}" for name in known)]).module.startswith("visual.")


def test_tokens_that_are_merged_lie_on_a_smaller_grid():
    config = transformers.SwinConfig(
        **{
            "image_size": 40,
            "patch_size": 4,
            "embed_dim": 8,
            "depths": [1, 1, 1],
            "num_heads": [2, 2, 2],
            "window_size": 2,
        }
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = transformers.SwinModel(config).eval()
        images = torch.randn(2, 3, 40, 40)
    stages = [name for name, module in network.named_modules() if type(module).__name__ == "SwinStage"]
    with Recorder(network, stages) as recorder:
        found = recorder(images)
    with torch.inference_mode():
        expected = network(images, output_hidden_states=True).reshaped_hidden_states
    assert [maps.shape[2:] for maps in found.values()] == [(5, 5), (3, 3), (3, 3)]
    for maps, own in zip(found.values(), expected[1:], strict=True):
        torch.testing.assert_close(maps, own)


def test_latents_of_hook_points_and_class_tokens_are_recorded(recorded):
    network, images, values = recorded[:3]
    latents = {f"{name}#drawn": random_directions(WIDTH, n_latents=5, seed=0) for name in LATENT_LAYERS}
    with Recorder(network, list(latents), latents=latents) as recorder:
        found = recorder(images)
    tokens = values["hook_resid_post"] @ latents[f"{LATENT_LAYERS[0]}#drawn"].tensors["encoder"]
    patches, first = found.values()
    torch.testing.assert_close(patches.flatten(2).transpose(1, 2), tokens[:, 1:])
    torch.testing.assert_close(first[:, :, 0, 0], tokens[:, 0])
    assert expand_layers(list(latents), [name for name, _ in network.named_modules()], model="vit") == list(latents)
    layer = f"{LATENT_LAYERS[1]}#drawn"
    with pytest.raises(ValueError, match="can be recorded but not"), RangeEraser(network, layer, latents=latents):
        pass
