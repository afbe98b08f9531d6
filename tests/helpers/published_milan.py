"""Small files in the layout of MILAN's published ones: zips of annotated units and payloads of captioning models."""

import collections
import io
import threading
import zipfile
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import torch
from PIL import Image

SIDE = 28  # masks, pixels; images are scaled to 32 and cut to that
IMAGE = (32, 64)  # height and width of the source images: of no scaling, cut as below
CUT = (slice(2, 30), slice(18, 46))


def write_source_images(folder, n_images, *, n_classes=3):
    """Write images of one colour column by column into class folders; return their pixels in ImageFolder order."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (n_images, *IMAGE, 3), dtype=np.uint8)
    for number, pixels in enumerate(images):
        own = folder / f"n{number * n_classes // n_images:04d}"
        own.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(own / f"image_{number:03d}.png")
    return images


def annotated_files(layers, *, n_images=12, k=3, images=None, units=None, seed=0):
    """Return the files of a zip as {name: array or text}: `layers` gives the number of units of each."""
    rng, files, rows = np.random.default_rng(seed), {}, ["layer,unit,summary"]
    for layer, n_units in layers.items():
        numbers = range(n_units) if units is None else units
        ids = np.stack([rng.permutation(n_images)[:k] for _ in range(n_units)])
        files[f"{layer}/masks.npy"] = rng.integers(0, 2, (n_units, k, 1, SIDE, SIDE), dtype=np.uint8)
        files[f"{layer}/ids.csv"] = "\n".join(",".join(map(str, row)) for row in ids) + "\n"
        if images is not None:
            files[f"{layer}/images.npy"] = images[ids][:, :, CUT[0], CUT[1]].transpose(0, 1, 4, 2, 3)
        if units is not None:
            files[f"{layer}/units.npy"] = np.array(units)
        rows += [f"{layer},{unit},{text}" for unit in numbers for text in (f"things of unit {unit}", f"red {unit}")]
    return files | {"annotations.csv": "\n".join(rows) + "\n"}


def write_zip(path, files, *, root="alexnet-imagenet/"):
    """Write such files as a zip; None leaves a file out."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            if isinstance(content, np.ndarray):
                buffer = io.BytesIO()
                np.save(buffer, content)
                content = buffer.getvalue()
            if content is not None:
                archive.writestr(root + name, content)
    return path


@contextmanager
def serve(folder):
    """Serve a folder on this machine; yield its address."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def indexer_entry(words):
    """Lay an indexer out as the published payloads do."""
    tokenizing = {"nlp": None, "lemmatize": False, "lowercase": True, "ignore_stop": False, "ignore_punct": False}
    vocabulary = {"properties": {"tokens": tuple(words)}, "children": {}}
    properties = {"vocab": vocabulary, "tokenize": {"properties": tokenizing, "children": {}}, "length": None}
    properties |= dict.fromkeys(("start", "stop", "pad", "unk"), True)
    return {"properties": properties, "children": {}}


def payload_of(captioner):
    """Lay a captioning model with a language model out as the published payloads are."""
    words = captioner.indexer.tokens
    sizes, lm_sizes = captioner.decoder.sizes, captioner.language_model.sizes
    state = collections.OrderedDict(captioner.decoder.state_dict())
    state |= {f"lm.{name}": tensor for name, tensor in captioner.language_model.state_dict().items()}
    state |= {f"encoder.encoder.model.{name}": tensor for name, tensor in captioner.encoder.weights.items()}
    state |= {"encoder.mean": torch.zeros(1, 3, 1, 1), "encoder.std": torch.ones(1, 3, 1, 1)}
    properties = {
        "indexer": indexer_entry(words),
        "lm": {"properties": lm_sizes | {"indexer": indexer_entry(words)}, "children": {}},
        "embedding_size": sizes.embedding_size,
        "hidden_size": sizes.hidden_size,
        "encoder": {"properties": {"config": "resnet18", "pretrained": True}, "children": {}},
        "dropout": 0.5,
        "attention_hidden_size": sizes.attention_size,
        "length": 15,
        "strategy": "rerank",
        "temperature": 0.2,
        "beam_size": 50,
    }
    return {"properties": properties, "children": {"encoder": "PyramidConvEncoder"}, "state_dict": state}
