"""A config as Snakemake would give it, with an entry of every kind."""

CONFIG = {
    "targets": [{"model": "resnet18", "dataset": "playground", "concepts": ["playground", "ade20k"]}],
    "models": {
        "resnet18": {"layers": ["layer4"]},
        "alexnet": {"layers": ["features.1"]},
        "mobilenet_v3_small": {"layers": []},
    },
    "saes": {},
    "datasets": {
        "playground": {"weights": "playground", "images": "playground", "milan": "playground"},
        "places365": {"weights": "places365", "images": "places365", "milan": "base"},
        "imagenet": {"weights": "imagenet", "images": "imagenet", "milan": "imagenet"},
        "untrained": {"weights": "none", "images": "my/images", "milan": "playground"},
        "mine": {"weights": "my/weights.pth", "images": "my/images", "milan": "base"},
    },
    "concepts": {
        "playground": {"source": "playground"},
        "ade20k": {"source": "broden1_224"},
        "mine": {"source": "my/concepts"},
    },
    "milan": {
        "strategy": "rerank",
        "clip": {"name": "ViT-B-32", "weights": "openai"},
        "training": {"networks": ["mobilenet_v3_small"], "encoder": "resnet18"},
    },
    "evidence": {"images": None, "labels": None, "predictor": "auto"},
    "labels": {},
    "arena": {"sources": ["formula", "sentence", "dissection", "wrong"], "clip_dissect": {"words": None}},
    "crowd": {"results": {}, "ratings": {}},
    "audit": {"topics": {}, "compare": []},
    "experiments": {"generalization": {"presets": [], "comparisons": {}}, "edits": {}},
    "checkpoints": {"trusted_sha256": []},
    "downloads": {"local": {}},
    "seed": 3,
}
