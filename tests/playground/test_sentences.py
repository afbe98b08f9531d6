from itertools import product
from string import Formatter

import pytest

from lib.kernels.search.formula import AND, OR, Formula, canonical, format_formula
from lib.playground.captions import TEMPLATES, _phrases
from lib.playground.facts import Facts
from lib.playground.sentences import parse_sentence
from lib.playground.vocabulary import NAMES, NUMBERS
from lib.playground.words import GROUPS, describe_scene, plural

VOCABULARY = list(NUMBERS)
THINGS = {plural(name): [name] for category in ("part", "object") for name in NAMES[category]}
SUBJECTS = {
    "part": {plural(name): [name] for name in NAMES["part"]},
    "object": {plural(name): [name] for name in NAMES["object"]},
    "group": {group: list(members) for group, members in GROUPS.items()},
    "texture": {name: [name] for name in NAMES["texture"]},
    "material": {name: [name] for name in NAMES["material"]},
    "color": {name.removesuffix("-c"): [name] for name in NAMES["color"]},
    "scene": {describe_scene(name): [name] for name in NAMES["scene"]},
}
# phrases with two readings, of which the parser takes the other one
AMBIGUOUS = {("group", "trees"), ("group", "buildings"), ("scene", "in the sky"), ("scene", "on snowy mountains")}


def formula_of(wide, narrow):
    """The formula of alternatives and of concepts that restrict them, whichever there are."""
    concepts = [*wide, *narrow]
    numbers = tuple(VOCABULARY.index(name) for name in concepts)
    return Formula(numbers, (OR,) * (max(len(wide), 1) - 1) + (AND,) * (len(narrow) - (not wide)))


def stated(kind, template, subject, others, attributes):
    """The formula of what a template's slots stand for, made without reading the phrase."""
    slots = {slot for _, slot, _, _ in Formatter().parse(template) if slot}
    said = bool(slots & {"subject", "made", "marks", "mass", "plural"}) or (kind == "scene")
    subject = subject if said else []
    also = [THINGS[plural(name)][0] for name in others]
    also = also if "others" in slots else also[:1] if "first" in slots else []
    restricting = [name for slot, name in attributes.items() if slot in slots and name not in subject]
    if kind == "object":
        wide, narrow = [*subject, *also], restricting
    elif kind in ("part", "group"):
        wide, narrow = (subject, [*also, *restricting]) if len(also) < 2 else (also, [*subject, *restricting])
    else:
        wide, narrow = also, [*subject, *restricting]
    return formula_of(list(dict.fromkeys(wide)), list(dict.fromkeys(name for name in narrow if wide != [name])))


def test_every_template_with_every_word_states_the_concepts_it_was_made_of():
    attributes = {"color": "red-c", "texture": "striped", "material": "wood", "scene": "night_street-s"}
    n_phrases = 0
    for kind, subjects in SUBJECTS.items():
        for (words, concepts), n_others in product(subjects.items(), (0, 1, 2)):
            others = ["house", "barn"][:n_others] if kind != "object" else ["cow"][:n_others]
            facts = Facts(
                kind,
                words,
                tuple(plural(name) for name in others),
                "red" if kind != "color" else "",
                "striped" if kind != "texture" else "",
                "wood" if kind != "material" else "",
                words if kind == "scene" else "at night",
            )
            for template, _ in TEMPLATES[kind]:
                only = {kind: ((template, 1.0),)}
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr("lib.playground.captions.TEMPLATES", only)
                    phrases = _phrases(facts)
                for phrase, _ in phrases:
                    two_readings = (kind, words) in AMBIGUOUS and (kind == "group" or template == "{places}")
                    given = {slot: name for slot, name in attributes.items() if kind != "scene" or slot != "scene"}
                    expected = stated(kind, template, concepts, others, given)
                    found = parse_sentence(phrase, VOCABULARY)
                    assert found is not None, phrase
                    same = canonical(found) == canonical(expected)
                    assert same != two_readings, (phrase, format_formula(found, VOCABULARY), template)
                    n_phrases += 1
    assert n_phrases > 2000


def test_every_color_texture_material_and_scene_restricts_a_noun():
    for category in ("color", "texture", "material"):
        for words, (name,) in SUBJECTS[category].items():
            found = parse_sentence(f"{words} cars", VOCABULARY)
            assert canonical(found) == canonical(formula_of([], ["car", name])), words
    for words, (name,) in SUBJECTS["scene"].items():
        assert canonical(parse_sentence(f"cars {words}", VOCABULARY)) == canonical(formula_of([], ["car", name]))


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("Red cars at night", "((car AND red-c) AND night_street-s)"),
        ("the roofs of houses and barns", "((house OR barn) AND roof)"),
        ("striped walls and roads", "((wall OR road) AND striped)"),
        ("cars near red trucks", None),
        ("red cars and blue buses", None),
        ("roofs and doors of houses and barns", None),
        ("blue walls and walls", "(wall AND blue-c)"),
        ("wooden things", "wood"),
        ("things made of wood in kitchens", "(wood AND kitchen-s)"),
        ("red traffic lights in living rooms", "((traffic light AND red-c) AND living_room-s)"),
        ("the sky", "sky"),
        ("things in the sky", "sky-s"),
        ("various things", None),
        ("many different objects", None),
        ("", None),
    ],
)
def test_a_sentence_gives_its_formula(sentence, text):
    found = parse_sentence(sentence, VOCABULARY)
    assert (found and format_formula(found, VOCABULARY)) == text


def test_words_outside_the_vocabulary_are_left_out():
    assert parse_sentence("red cars at night", ["red-c"]) == Formula((0,))
    assert parse_sentence("red cars at night", ["dog"]) is None
    assert parse_sentence("vehicles", ["bus", "dog", "car"]) == Formula((2, 0), (OR,))
