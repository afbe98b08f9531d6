"""Stage: plant units with known causes, and gather the evidence for their formulas."""

import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...data.stores.columns import COLUMNS
from ...data.stores.concepts import read_atoms
from ...data.stores.tables import write_table
from ...kernels.activations.range_codes import RangeCodes
from ...kernels.activations.ranges import top_range
from ...kernels.evidence.chance import search_nulls
from ...kernels.evidence.resampling import select_images
from ...kernels.metrics.formulas import explanation_scores
from ...kernels.search import planting
from ...kernels.search.atoms import Atoms
from ...kernels.search.beam import ConceptCounts
from ...kernels.search.explaining import Explained, explain_bitmap
from ...kernels.search.formula import Formula, canonical, format_formula
from ...runtime.parts import Part
from ...runtime.progress import Progress

KEY = zlib.crc32(b"planted")
TRIES = 20_000
