"""Folders of the checkout, and of reference data made by the published programs."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
HELPERS = TESTS / "helpers"
# a small part of the reference data of MILAN: decodings, language model, tokens, losses, metrics
FIXTURE = TESTS / "fixtures/milan"
# all of it, where somebody has it (`make test-golden GOLDEN=folder`): encoders, exemplars, checkpoints, CLIP
GOLDEN = Path(os.environ.get("GOLDEN", ROOT / "../shared/golden/milan"))
NO_GOLDEN = "reference data of published MILAN are not here: make test-golden GOLDEN=folder"
