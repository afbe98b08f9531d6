"""Runs the published package `compositional_explanations` on problems that `peer.py` has written.

Runs under the package's own interpreter. Each line of standard input is `PROBLEM.npz beam` or `PROBLEM.npz optimal`; each
is answered by one line of JSON: seconds, iou and formula, or error. What the package keeps of a data set between bitmaps is
made before the clock starts.
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
from package_utils import mask_utils


def solve(path, method):
    problem = np.load(path)
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
    with tempfile.TemporaryDirectory() as cache:
        mask_utils.get_dataset_info(masks, cache)
        begin = time.perf_counter()
        if method == "beam":
            formula = beam.compute_beam_explanations(**common, beam_size=5, cache_dir=cache)
        else:
            formula = optimal.compute_optimal_explanations(**common, cache_dir=cache)
        seconds = time.perf_counter() - begin
    # None is its answer where no formula shares a pixel with the bitmap
    iou = (
        0.0
        if formula is None
        else metrics.compute_iou_from_masks(formula=formula, masks=masks, bitmaps=common["bitmaps"])
    )
    return {"seconds": seconds, "iou": float(iou), "formula": str(formula)}


def main():
    torch.set_num_threads(1)
    for line in sys.stdin:
        path, method = line.split("\t")
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                answer = solve(path, method.strip())
        except Exception as error:  # whatever the package does wrong is an answer too
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
