from lib.kernels.metrics.specialization import common_formulas, default_formulas, specialization_of
from lib.kernels.search.formula import AND, AND_NOT, OR, Formula, canonical

A, B, C, D = (Formula((c,)) for c in range(4))
A_OR_B, B_OR_A = A.extend(OR, 1), B.extend(OR, 0)


def test_the_most_common_formulas_are_the_defaults():
    formulas = [C, A_OR_B, A_OR_B.extend(AND, 2), B_OR_A, D, D.extend(AND_NOT, 0), A_OR_B.extend(AND, 2)]
    # a fifth of 10 units: two formulas; both spellings of A or B count as one
    defaults, pairs = default_formulas(formulas, 10)
    assert defaults == {canonical(A_OR_B), canonical(A_OR_B.extend(AND, 2))}
    assert pairs == {canonical(A), canonical(A_OR_B)}


def test_as_many_different_pairs_as_formulas():
    formulas = [A_OR_B.extend(AND, 2), A_OR_B.extend(AND, 3), C.extend(OR, 3).extend(AND, 0)]
    defaults, pairs = default_formulas(formulas, 10)
    assert len(defaults) == 2 and pairs == {canonical(A_OR_B), canonical(C.extend(OR, 3))}


def test_a_small_layer_has_one_default():
    assert default_formulas([A, B], 4) == ({canonical(A)}, set())
    assert default_formulas([], 4) == (set(), set())


def test_the_three_kinds():
    defaults, pairs = {canonical(A_OR_B)}, {canonical(A_OR_B)}
    assert specialization_of(B_OR_A, defaults, pairs) == "unspecialized"
    assert specialization_of(B_OR_A.extend(AND_NOT, 3), defaults, pairs) == "weakly_specialized"
    assert specialization_of(C.extend(OR, 1), defaults, pairs) == "specialized"
    assert specialization_of(C, defaults, pairs) == "specialized"


def test_common_formulas_are_listed_with_their_number():
    longer = A_OR_B.extend(AND, 2)
    formulas = [C, A_OR_B, longer, B_OR_A, D, D.extend(AND_NOT, 0), longer, B_OR_A.extend(OR, 3)]
    defaults, pairs = common_formulas(formulas, 10)
    assert defaults == [(A_OR_B, 2), (longer, 2)]
    # A OR B begins both copies of `longer`, and (B OR A) OR D
    assert pairs == [(A, 1), (A_OR_B, 3)]
