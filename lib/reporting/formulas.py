"""Formulas for people: plain names of concepts, their categories, and the colours of these.

Pages, cards, pictures and plots all take names, categories and colours from here.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from ..kernels.search.formula import AND, AND_NOT, OR, split_formula

TEMPLATES = Path(__file__).parent / "templates"
"""What all pages share: `chips.css`, with the same colours as here, and the glossary."""

CATEGORIES = ("scene", "object", "part", "material", "texture", "color")
"""Those of Broden, which have the first colours; other categories follow in the order of their names."""

COLORS = ("#7a5195", "#b03a2e", "#8a5600", "#40690c", "#0f766e", "#2563a8", "#9d2c6b", "#57534e")
NO_CATEGORY = "#5d636b"

_OPERATORS = {OR: "or", AND: "and", AND_NOT: "and"}


@dataclass(frozen=True)
class Literal:
    """A concept of a formula, as people read it.

    Attributes
    ----------
    name, category : str
        `white` and `color` of `white-c`; the category may be empty.
    place : int
        Number of the category's colour; -1 without a category.
    negated : bool
        Whether it stands under NOT.
    operator : str
        `or` or `and`, by which it is joined to what stands before it; empty for the first one.
    before, after : str
        Brackets around it.
    """

    name: str
    category: str
    place: int
    negated: bool = False
    operator: str = ""
    before: str = ""
    after: str = ""

    @property
    def color(self) -> str:
        """That of the category."""
        return COLORS[self.place] if self.place >= 0 else NO_CATEGORY

    @property
    def suffix(self) -> str:
        """The category, unless the name says it already, as `street (scene)` does."""
        return "" if with_category(self.name, self.category) == self.name else self.category


def with_category(name: str, category: str) -> str:
    """Return a plain name with its category behind it, where colours cannot tell it: `white (color)`."""
    return f"{name} ({category})" if category and not name.endswith(f" ({category})") else name


def category_order(categories: Iterable[str]) -> list[str]:
    """Return all categories in the order of their colours: those of Broden, then the others by name."""
    return [*CATEGORIES, *sorted({*categories} - {*CATEGORIES, ""})]


def categories_of(table: pd.DataFrame) -> list[str]:
    """Return the order of the categories of a table of explanations."""
    return category_order(kind for text in table["categories"].unique() for kind in json.loads(text))


def concept(name: str, category: str, order: Sequence[str], **where: bool | str) -> Literal:
    """Return a concept as people read it.

    Parameters
    ----------
    name, category : str
        Plain name and category; the category may be empty.
    order : sequence of str
        Categories in the order of their colours, from `category_order`.
    **where : bool or str
        The other fields of `Literal`.
    """
    return Literal(name, category, order.index(category) % len(COLORS) if category else -1, **where)


def literals(formula: str, names: Sequence[str], categories: Sequence[str], *, order: Sequence[str]) -> list[Literal]:
    """Return the concepts of a formula as people read them, without its outermost brackets.

    Parameters
    ----------
    formula : str
        As the tables have it, or empty.
    names, categories : sequence of str
        Plain name (from `shown_names`) and category of each of its concepts, in order.
    order : sequence of str
        Categories in the order of their colours.

    Returns
    -------
    list of Literal
    """
    operators = (None, *split_formula(formula)[1]) if formula else ()
    last = len(operators) - 1
    return [
        concept(
            name,
            category,
            order,
            negated=operator == AND_NOT,
            operator=_OPERATORS.get(operator, ""),
            before="(" * max(0, last - 1) if not place else "",
            after=")" if 0 < place < last else "",
        )
        for place, (name, category, operator) in enumerate(zip(names, categories, operators, strict=True))
    ]


def row_literals(row: object, order: Sequence[str]) -> list[Literal]:
    """Return those of a row of a table of explanations, which has `formula`, `shown_names` and `categories`."""
    return literals(row.formula, json.loads(row.shown_names), json.loads(row.categories), order=order)


def as_dicts(found: Sequence[Literal]) -> list[dict]:
    """Return what templates and JSON take: the fields of each concept, and what is said behind its name."""
    return [asdict(one) | {"suffix": one.suffix} for one in found]


def category_colors(categories: Sequence[str]) -> list[str]:
    """Return the colour of each category, for plots."""
    order = category_order(categories)
    return [concept("", category, order).color for category in categories]
