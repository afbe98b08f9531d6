"""What the masked regions of annotated images share.

Nothing is guessed: a concept counts by its coverage (its mean share of the masked pixels) and by its lift
(coverage over its share of all pixels).
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy

from .words import GROUPS, SURFACES, describe_scene, plural

Annotation = list[tuple[str, numpy.ndarray | int]]
Concept = tuple[str, int]
Shares = dict[Concept, float]

# Per category: least coverage, least lift, and how readily people choose it as the subject.
SUBJECT_RULES = {
    "part": (0.18, 3.0, 1.25),
    "object": (0.2, 1.6, 1.2),
    "texture": (0.45, 2.0, 1.0),
    "material": (0.5, 2.0, 0.7),
    "color": (0.45, 1.6, 0.85),
    "scene": (0.6, 3.0, 0.35),
}
ATTRIBUTE_SHARE = 0.5  # of the subject's pixels, for "red roofs"
OWNER_SHARE = 0.25  # of a part's pixels, for "roofs of houses and barns"
SCENE_SHARE = 0.6  # of the exemplars, for "lamps in bedrooms"


@dataclass(frozen=True)
class Facts:
    """What the masked regions of one unit share, in words.

    Attributes
    ----------
    kind : str
        Category of the subject, `group` for a hypernym, or `nothing`.
    subject : str
        Noun of the subject (plural), or the adjective of a texture, material or color.
    others : tuple of str
        Owners of a part, a second object, or the objects that show a texture, material or color.
    color, texture, material, scene : str
        What else holds for the subject; empty if nothing does.
    """

    kind: str
    subject: str
    others: tuple[str, ...] = ()
    color: str = ""
    texture: str = ""
    material: str = ""
    scene: str = ""


class Sample:
    """The labels of one exemplar's masked pixels: per category, arrays of shape (n_pixels,)."""

    def __init__(self, labels: list[tuple[str, numpy.ndarray]], n_pixels: int) -> None:
        self.labels, self.n_pixels = labels, n_pixels

    def shares(self, inside: numpy.ndarray | None = None) -> Shares:
        """Return each concept's share of the masked pixels, or only of those where `inside` holds."""
        found: Shares = defaultdict(float)
        for category, numbers in self.labels:
            counts = numpy.bincount(numbers if inside is None else numbers[inside])
            for number in numpy.flatnonzero(counts):
                if number:
                    found[category, int(number)] += counts[number] / self.n_pixels
        return found

    def where(self, concepts: Sequence[Concept]) -> numpy.ndarray:
        """Return which masked pixels carry one of the concepts."""
        found = numpy.zeros(self.n_pixels, dtype=bool)
        for category, numbers in self.labels:
            for wanted, number in concepts:
                if wanted == category:
                    found |= numbers == number
        return found


def take_sample(mask: numpy.ndarray, annotation: Annotation) -> Sample | None:
    """Take the labels under one mask, resized by nearest neighbor; None for an empty mask or no map."""
    shape = next((labels.shape for _, labels in annotation if isinstance(labels, numpy.ndarray)), None)
    if shape is None:
        return None
    mask = numpy.asarray(mask).reshape(numpy.asarray(mask).shape[-2:]) != 0
    rows = ((numpy.arange(shape[0]) + 0.5) * mask.shape[0] / shape[0]).astype(int)
    columns = ((numpy.arange(shape[1]) + 0.5) * mask.shape[1] / shape[1]).astype(int)
    inside = mask[rows[:, None], columns]
    n_pixels = int(inside.sum())
    if not n_pixels:
        return None
    labels = [
        (category, numbers[inside] if isinstance(numbers, numpy.ndarray) else numpy.full(n_pixels, int(numbers)))
        for category, numbers in annotation
    ]
    return Sample(labels, n_pixels)


def _mean(shares: list[Shares]) -> Shares:
    total: Shares = defaultdict(float)
    for one in shares:
        for concept, share in one.items():
            total[concept] += share / len(shares)
    return total


def find_facts(samples: list[Sample], *, names: Mapping[int, str], base_rates: Shares) -> Facts:
    """Decide what the masked regions share.

    Parameters
    ----------
    samples : list of Sample
        The labels under the masks, one per exemplar.
    names : mapping of int to str
        Name of each label number.
    base_rates : dict
        What `measure_base_rates` returned.

    Returns
    -------
    Facts
        The most specific informative subject, by coverage x log2(lift) weighted per category, with its attributes.
    """
    if not samples:
        return Facts("nothing", "")
    coverage = _mean([sample.shares() for sample in samples])
    best, best_score = None, 0.0
    for concept, share in sorted(coverage.items()):
        least, least_lift, weight = SUBJECT_RULES.get(concept[0], (2.0, 0.0, 0.0))
        lift = share / max(base_rates.get(concept, 0.0), 1e-4)
        score = weight * share * math.log2(max(lift, 1.0))
        if share >= least and lift >= least_lift and score > best_score:
            best, best_score = concept, score
    scene = _best(coverage, "scene", SCENE_SHARE)
    scene_words = describe_scene(names[scene[1]]) if scene else ""
    group = _find_group(coverage, names, base_rates)
    if group and (best is None or group[1] > best_score):
        focus = [concept for concept in coverage if concept[0] == "object" and names[concept[1]] in GROUPS[group[0]]]
        return _with_attributes(Facts("group", group[0], scene=scene_words), samples, focus, names)
    if best is None:
        return Facts("scene", scene_words, scene=scene_words) if scene else Facts("nothing", "")
    category, number = best
    word = names[number].removesuffix("-c")
    subject = {"scene": describe_scene(names[number])}.get(
        category, plural(word) if category in ("part", "object") else word
    )
    return _with_attributes(Facts(category, subject, scene=scene_words), samples, [best], names)


def _best(shares: Shares, category: str, least: float) -> Concept | None:
    found = [(share, -number) for (wanted, number), share in shares.items() if wanted == category]
    share, number = max(found, default=(0.0, 0))
    return (category, -number) if share >= least else None


def _find_group(coverage: Shares, names: Mapping[int, str], base_rates: Shares) -> tuple[str, float] | None:
    """Return the hypernym that covers the regions although none of its members does alone, and its score."""
    best = None
    for group, members in GROUPS.items():
        shares = {c: s for c, s in sorted(coverage.items()) if c[0] == "object" and names[c[1]] in members}
        base = sum(base_rates.get(c, 0.0) for c in base_rates if c[0] == "object" and names[c[1]] in members)
        total = min(1.0, sum(shares.values()))
        if total >= 0.35 and max(shares.values()) < 0.65 * total:
            score = 1.1 * total * math.log2(max(total / max(base, 1e-4), 1.0))
            if score > 0 and (best is None or score > best[1]):
                best = (group, score)
    return best


def _with_attributes(facts: Facts, samples: list[Sample], focus: list[Concept], names: Mapping[int, str]) -> Facts:
    """Add what else holds where the subject is: owners or objects, color, texture, material."""
    inside = _mean([sample.shares(sample.where(focus)) for sample in samples])
    total = sum(sample.where(focus).mean() for sample in samples) / len(samples)
    relative = {concept: share / total for concept, share in inside.items() if concept not in focus}
    owners = sorted(((-share, number) for (category, number), share in relative.items() if category == "object"))
    others = tuple(plural(names[number]) for share, number in owners[:2] if -share >= OWNER_SHARE)
    if facts.kind == "object":
        # A second object may stand beside the subject instead of in it: look at all masked pixels.
        beside = _mean([sample.shares() for sample in samples])
        rest = {concept: share for concept, share in beside.items() if concept not in focus}
        second = _best(rest, "object", 0.25)
        # Nobody writes "sinks and walls": a surface is mentioned beside another surface only.
        telling = second and (names[second[1]] not in SURFACES or names[focus[0][1]] in SURFACES)
        others = (plural(names[second[1]]),) if telling else ()
    elif facts.kind in ("group", "scene"):
        others = ()
    words = {}
    for category in ("color", "texture", "material"):
        found = _best(relative, category, ATTRIBUTE_SHARE) if facts.kind != category else None
        words[category] = names[found[1]].removesuffix("-c") if found else ""
    repeats = facts.kind != "scene" and facts.subject in facts.scene
    scene = "" if repeats else facts.scene  # not "mountains on snowy mountains"
    return Facts(facts.kind, facts.subject, others, words["color"], words["texture"], words["material"], scene)
