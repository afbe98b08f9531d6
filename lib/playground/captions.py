"""Captions for sets of exemplars whose every pixel is annotated, as several crowd workers would write them.

The captions of one set agree on what the masked regions share and vary in the words and in what else they mention, as
people do.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from string import Formatter

import numpy

from .facts import Annotation, Facts, Shares, find_facts, take_sample
from .paint import Dice
from .words import ADJECTIVE_MATERIALS, MADE_OF, UNCOUNTABLE, WITH

Annotations = Callable[[int], Annotation]

_THING_TEMPLATES = (
    ("{subject}", 2.0),
    ("the {subject}", 0.4),
    ("parts of the {mass}", 0.3),
    ("different {plural}", 0.3),
    ("{color} {subject}", 3.0),
    ("{texture} {subject}", 2.0),
    ("{color} {texture} {subject}", 0.6),
    ("{material} {subject}", 0.6),
    ("{subject} {scene}", 1.0),
    ("{color} {subject} {scene}", 0.6),
)
# Per kind of subject: the phrases people use, and how often.
TEMPLATES = {
    "part": (
        *_THING_TEMPLATES,
        ("{subject} of {others}", 2.5),
        ("the {subject} of {others}", 1.5),
        ("{subject} on {first}", 0.8),
        ("{color} {subject} of {first}", 1.0),
    ),
    "object": (
        *_THING_TEMPLATES,
        ("{subject} and {others}", 2.0),
        ("{subject} near {others}", 0.6),
        ("{subject} with {others}", 0.6),
    ),
    "group": _THING_TEMPLATES,
    "texture": (
        ("{subject} things", 2.0),
        ("{subject} patterns", 2.0),
        ("{subject} objects", 1.0),
        ("things with {marks}", 1.5),
        ("{subject} {others}", 2.5),
        ("{subject} patterns on {first}", 1.0),
        ("{color} {subject} things", 1.0),
    ),
    "material": (
        ("things made of {subject}", 1.5),
        ("{made} things", 2.0),
        ("{made} objects", 1.0),
        ("{subject}", 0.8),
        ("{made} {others}", 2.0),
        ("{others}", 0.5),
        ("{color} {made} things", 1.0),
    ),
    "color": (
        ("{subject} things", 2.0),
        ("{subject} areas", 1.2),
        ("{subject} objects", 1.0),
        ("the color {subject}", 0.6),
        ("{subject} {others}", 2.5),
        ("{subject} things {scene}", 0.8),
    ),
    "scene": (
        ("things {scene}", 2.0),
        ("objects {scene}", 1.2),
        ("various things {scene}", 1.0),
        ("{places}", 1.0),
        ("{color} things {scene}", 1.0),
    ),
    "nothing": (
        ("various things", 1.0),
        ("different objects", 1.0),
        ("many different things", 1.0),
        ("various objects", 0.6),
    ),
}


def measure_base_rates(annotations: Annotations, n_images: int) -> Shares:
    """Measure the share of all pixels that each concept covers in a data set.

    Parameters
    ----------
    annotations : callable
        Gives for the index of an image its (category, map) pairs; a map is an integer array of shape (Hm, Wm) with 0
        for no label, or one integer for the whole image.
    n_images : int
        Number of images.

    Returns
    -------
    dict
        From (category, label number) to the mean over images of the share of pixels, from 0 to 1.
    """
    totals: Shares = defaultdict(float)
    for i in range(n_images):
        for category, labels in annotations(i):
            if isinstance(labels, numpy.ndarray):
                counts = numpy.bincount(labels.ravel())
                for number in numpy.flatnonzero(counts):
                    totals[category, int(number)] += counts[number] / labels.size
            else:
                totals[category, int(labels)] += 1.0
    return {concept: total / n_images for concept, total in sorted(totals.items()) if concept[1]}


def describe_exemplars(
    *,
    masks: numpy.ndarray,
    image_ids: Sequence[int],
    annotations: Annotations,
    names: Mapping[int, str],
    base_rates: Shares,
    layer: str,
    unit: int,
    seed: int,
    n_captions: int = 3,
) -> list[str]:
    """Write the captions of one unit's exemplars.

    Parameters
    ----------
    masks : numpy.ndarray
        Where the unit is active in each exemplar, 0/1 of shape (k, H, W) or (k, 1, H, W), of any size.
    image_ids : sequence of int
        Index of each exemplar in the data set.
    annotations : callable
        As in `measure_base_rates`.
    names : mapping of int to str
        Name of each label number.
    base_rates : dict
        What `measure_base_rates` returned.
    layer, unit : str, int
        The unit; together with the seed they fix the wording.
    seed : int
        Seed of the wording.
    n_captions : int
        Number of captions.

    Returns
    -------
    list of str
        Lower-case English phrases of 1 to 10 words.

    Raises
    ------
    ValueError
        If there are not as many masks as images.
    """
    if len(masks) != len(image_ids):
        raise ValueError(
            f"{layer} unit {unit}: {len(masks)} masks for {len(image_ids)} images, but each exemplar needs one of both."
        )
    samples = [take_sample(mask, annotations(int(i))) for mask, i in zip(masks, image_ids, strict=True)]
    facts = find_facts([sample for sample in samples if sample is not None], names=names, base_rates=base_rates)
    sequence = numpy.random.SeedSequence(seed, spawn_key=(*layer.encode(), 0, unit))
    dice = Dice(numpy.random.default_rng(sequence))
    return write_captions(facts, dice, n_captions=n_captions)


def write_captions(facts: Facts, dice: Dice, *, n_captions: int) -> list[str]:
    """Phrase the facts as several people would.

    Parameters
    ----------
    facts : Facts
        What the regions share.
    dice : Dice
        Source of the choices.
    n_captions : int
        Number of captions; they differ as long as the facts allow different ones.

    Returns
    -------
    list of str
        The captions.
    """
    phrases = _phrases(facts)
    captions: list[str] = []
    while len(captions) < n_captions:
        fresh = [(phrase, weight) for phrase, weight in phrases if phrase not in captions] or phrases
        place = dice.uniform(0, sum(weight for _, weight in fresh))
        for phrase, weight in fresh:
            place -= weight
            if place < 0 or phrase == fresh[-1][0]:
                captions.append(phrase)
                break
    return captions


def _phrases(facts: Facts) -> list[tuple[str, float]]:
    """Fill in the templates whose slots all have words; a phrase comes with how often people would choose it."""
    uncountable = facts.subject in UNCOUNTABLE
    words = {
        "subject": facts.subject,
        "color": facts.color,
        # Speckles are annotated, but nobody writes "speckled roads".
        "texture": "" if facts.texture == "speckled" else facts.texture,
        "material": MADE_OF.get(facts.material, facts.material) if facts.material in ADJECTIVE_MATERIALS else "",
        "made": MADE_OF.get(facts.subject, facts.subject),
        "marks": WITH.get(facts.subject, ""),
        "scene": facts.scene,
        "places": facts.scene.partition(" ")[2],
        "others": " and ".join(facts.others),
        "first": facts.others[0] if facts.others else "",
        "mass": facts.subject if uncountable else "",
        "plural": "" if uncountable else facts.subject,
    }
    found: dict[str, float] = {}
    for template, weight in TEMPLATES[facts.kind]:
        slots = [slot for _, slot, _, _ in Formatter().parse(template) if slot]
        if all(words[slot] for slot in slots):
            phrase = template.format_map(words)
            found[phrase] = found.get(phrase, 0.0) + weight
    return list(found.items())
