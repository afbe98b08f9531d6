"""Times the published package `compositional_explanations` on problems that `bench_engine.py` has written.

Runs under the package's own interpreter: `python peer_engine.py PROBLEM.npz beam|optimal`; prints one line of JSON.
"""

import contextlib
import io
import json
import sys
import tempfile
import time

import numpy as np
import torch
from compositional_explanations import beam, metrics, optimal


def main():
    torch.set_num_threads(1)
    problem = np.load(sys.argv[1])
    n_images, n_pixels = problem["bitmap"].shape
    starts, images, pixels = problem["starts"], problem["images"], problem["pixels"]
    masks = []
    for first, last in zip(starts, starts[1:]):
        mask = torch.zeros((n_images, n_pixels), dtype=torch.bool)
        mask[torch.from_numpy(images[first:last]).long(), torch.from_numpy(pixels[first:last]).long()] = True
        masks.append(mask)
    common = {
        "bitmaps": torch.from_numpy(problem["bitmap"]),
        "masks": masks,
        "disjoint_info": torch.from_numpy(problem["disjoint"]),
        "length": 3,
        "device": torch.device("cpu"),
    }
    chatter = contextlib.redirect_stdout(io.StringIO())
    with tempfile.TemporaryDirectory() as cache, chatter:
        begin = time.perf_counter()
        if sys.argv[2] == "beam":
            formula = beam.compute_beam_explanations(**common, beam_size=5, cache_dir=cache)
        else:
            formula = optimal.compute_optimal_explanations(**common, cache_dir=cache)
        seconds = time.perf_counter() - begin
    iou = metrics.compute_iou_from_masks(formula=formula, masks=masks, bitmaps=common["bitmaps"])
    print(json.dumps({"seconds": seconds, "iou": float(iou), "formula": str(formula)}))


if __name__ == "__main__":
    main()
