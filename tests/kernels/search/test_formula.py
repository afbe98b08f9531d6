import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.kernels.search.formula import (
    AND,
    AND_NOT,
    OR,
    Formula,
    asserted_names,
    canonical,
    evaluate,
    format_formula,
    parse_formula,
)

NASTY = [
    "OR",
    "AND",
    "NOT",
    "(",
    ")",
    '"',
    " ",
    "",
    "a OR b",
    "(NOT x)",
    "NOT a",
    "a\nb",
    "\\",
    'say "hi"',
    " a",
    "a ",
    "é",
    "猫",
]
NASTY += [
    "\u2028",
    "a  b",
    "a\tb",
    "\x85",
    "nan",
    "a-OR",
    "ORANGE",
    "AND, b",
    "sky-c",
    "wall/floor",
    '\\"',
    "a) AND (NOT b",
]
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(),
    st.text(alphabet='ORANDT() "\\\né'),
    st.lists(st.sampled_from(NASTY), max_size=4).map(" ".join),
)


@st.composite
def formulas(draw, n_concepts, longest):
    length = draw(st.integers(1, longest))
    concepts = draw(st.lists(st.integers(0, n_concepts - 1), min_size=length, max_size=length))
    operators = draw(st.lists(st.sampled_from([OR, AND, AND_NOT]), min_size=length - 1, max_size=length - 1))
    return Formula(tuple(concepts), tuple(operators))


@given(st.data())
@settings(max_examples=150)
def test_a_formula_comes_back_from_its_text(data):
    names = data.draw(st.lists(texts, min_size=1, max_size=5, unique=True))
    formula = data.draw(formulas(len(names), 5))
    assert parse_formula(format_formula(formula, names), names) == formula


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("operators", [(), (OR,), (AND,), (AND_NOT,), (AND_NOT, OR)])
def test_each_nasty_name_comes_back_in_every_place(name, operators):
    names = [name, "plain"]
    for concepts in itertools.product((0, 1), repeat=len(operators) + 1):
        formula = Formula(concepts, operators)
        assert parse_formula(format_formula(formula, names), names) == formula


def test_text_has_the_documented_form():
    names = ["street", "car", "sky"]
    assert format_formula(Formula((0, 1, 2), (OR, AND_NOT)), names) == "((street OR car) AND (NOT sky))"
    assert format_formula(Formula((1,)), names) == "car"


@pytest.mark.parametrize(
    "text",
    ["", "unknown", "(street OR", "(street OR car", "street OR car", "(street XOR car)", "(street OR car))", "((street OR car)",
     "(street AND (NOT car)", "(street OR (NOT car))", "(street OR (car AND sky))", '("street OR car)', "street street", "(NOT car)"],
)  # fmt: skip
def test_broken_text_is_refused(text):
    with pytest.raises(ValueError):
        parse_formula(text, ["street", "car", "sky"])


def test_operators_must_fit_the_concepts():
    with pytest.raises(ValueError, match="2 concepts need 1 operators"):
        Formula((0, 1), ())


def _truth_table(formula):
    """Evaluate by plain Python on all assignments of 4 concepts."""
    table = []
    for row in itertools.product((False, True), repeat=4):
        value = row[formula.concepts[0]]
        for operator, concept in zip(formula.operators, formula.concepts[1:]):
            value = {OR: value or row[concept], AND: value and row[concept], AND_NOT: value and not row[concept]}[
                operator
            ]
        table.append(value)
    return tuple(table)


def test_canonical_keys_agree_exactly_when_truth_tables_do():
    by_key, by_table = {}, {}
    for length in (1, 2, 3):
        for concepts in itertools.product(range(4), repeat=length):
            for operators in itertools.product((OR, AND, AND_NOT), repeat=length - 1):
                formula = Formula(concepts, operators)
                key, table = canonical(formula), _truth_table(formula)
                assert by_key.setdefault(key, table) == table
                assert by_table.setdefault(table, key) == key


@given(formulas(4, 7), formulas(4, 7))
@settings(max_examples=300)
def test_canonical_keys_of_long_formulas(first, second):
    assert (canonical(first) == canonical(second)) == (_truth_table(first) == _truth_table(second))


@given(formulas(4, 6))
def test_evaluate_equals_plain_logic_and_leaves_masks_alone(formula):
    columns = np.array(list(itertools.product((False, True), repeat=4))).T
    before = columns.copy()
    assert tuple(evaluate(formula, columns)) == _truth_table(formula)
    assert tuple(evaluate(formula, lambda concept: columns[concept])) == _truth_table(formula)
    assert (columns == before).all()


def test_what_a_formula_asks_for_and_begins_with():
    formula = Formula((4, 2, 7), (AND_NOT, OR))
    assert formula.asserted == (4, 7) and formula.left == Formula((4, 2), (AND_NOT,))
    assert formula.left.left == Formula((4,)) and formula.left.asserted == (4,)
    assert Formula((4,)).left is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("sky", ["sky"]),
        ("((street OR car) AND (NOT sky))", ["street", "car"]),
        ('(("crane (bird)" OR "a AND b") AND house)', ["crane (bird)", "a AND b", "house"]),
        ("(None AND nan)", ["None", "nan"]),
    ],
)
def test_the_concepts_that_a_formula_asks_for(text, names):
    assert asserted_names(text) == names
