"""Settings of all tests; being here, it also lets tests import `bruteforce` by its plain name."""

import json

import pytest
from hypothesis import HealthCheck, settings

# the same examples in every run, no folder of past examples, no limit of time on a busy machine
settings.register_profile(
    "steady", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


def pytest_collection_modifyitems(items):
    """Start with the tests that run Snakemake, which take longest."""
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory):
    """Return the name of a tiny CLIP that open_clip knows."""
    return add_tiny_clip(tmp_path_factory.mktemp("clip"))


def add_tiny_clip(folder):
    """Teach open_clip a CLIP of a few thousand parameters and 9 patches, and return its name."""
    import open_clip

    path = folder / "tiny-clip.json"
    vision = {"image_size": 24, "layers": 2, "width": 16, "head_width": 4, "patch_size": 8}
    text = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2}
    path.write_text(json.dumps({"embed_dim": 12, "vision_cfg": vision, "text_cfg": text}))
    open_clip.add_model_config(path)
    return path.stem
