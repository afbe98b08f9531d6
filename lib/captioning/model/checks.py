"""Check the settings of captioning models, which may come from untrusted files, and exemplars."""

import reprlib
import unicodedata
from collections.abc import Collection
from typing import Any

import numpy as np

LARGEST_SIZE, MOST_LAYERS, MOST_SYMBOLS = 1 << 16, 64, 10_000_000
LONGEST = 1000  # words of a sentence

_UNFIT = {"Cc", "Cs", "Zl", "Zp"}  # control characters, halves of characters, ends of lines and paragraphs
_DIRECTION = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # turn the text that follows them


def check_whole(name: str, value: Any, *, lowest: int, highest: int) -> None:
    """Check that a setting is a whole number in a range, its ends included.

    Parameters
    ----------
    name : str
        For the message.
    value : object
        The setting.
    lowest, highest : int
        The range.

    Raises
    ------
    ValueError
        If it is not.
    """
    if type(value) is not int or not lowest <= value <= highest:
        raise ValueError(f"{name}={shown(value)} must be a whole number from {lowest:,} to {highest:,}")


def check_number(name: str, value: Any, *, lowest: float, highest: float) -> None:
    """Check that a setting is a number in a range, its ends included.

    Parameters are those of `check_whole`, and so are errors.
    """
    if type(value) not in (int, float) or not lowest <= value <= highest:  # NaN is in no range
        raise ValueError(f"{name}={shown(value)} must be a number from {lowest:g} to {highest:g}")


def check_flag(name: str, value: Any) -> None:
    """Check that a setting is True or False, else raise a ValueError."""
    if type(value) is not bool:
        raise ValueError(f"{name}={shown(value)} must be true or false")


def check_choice(name: str, value: Any, known: Collection[str]) -> None:
    """Check that a setting is one of some texts.

    Parameters
    ----------
    name : str
        For the message.
    value : object
        The setting.
    known : collection of str
        The texts.

    Raises
    ------
    ValueError
        If it is not.
    """
    if type(value) is not str or value not in known:
        raise ValueError(f"{name}={shown(value)} must be one of {', '.join(sorted(known))}")


def check_words(words: Any) -> None:
    """Check that words are texts that can be printed in one line, else raise a ValueError."""
    if type(words) is not tuple:
        raise ValueError(f"the words must be a sequence of texts, not a {type(words).__name__}")
    for place, word in enumerate(words):
        if type(word) is not str or not word:
            raise ValueError(f"word {place} must be a text that is not empty, not {shown(word)}")
        if any(unicodedata.category(c) in _UNFIT or unicodedata.bidirectional(c) in _DIRECTION for c in word):
            raise ValueError(
                f"word {place} {shown(word)} must hold no control characters and no marks that turn the text"
            )


def shown(value: Any) -> str:
    """Return a short ASCII representation of any value."""
    return reprlib.repr(value).encode("ascii", "backslashreplace").decode()


def check_exemplars(images: np.ndarray, masks: np.ndarray) -> None:
    """Check the arrays of exemplars.

    Parameters
    ----------
    images : numpy.ndarray of shape (U, k, 3, H, W), uint8
    masks : numpy.ndarray of shape (U, k, 1, H, W), uint8
        Values 0 and 1.

    Raises
    ------
    ValueError
        If they have a wrong type or shape, or do not match.
    """
    for name, array, channels in (("images", images, 3), ("masks", masks, 1)):
        if array.dtype != np.uint8:
            cure = "multiply values in [0, 1] by 255 and convert them" if name == "images" else "convert booleans"
            raise ValueError(f"{name} of type {array.dtype} must be uint8: {cure} with .astype('uint8')")
        if array.ndim != 5 or array.shape[2] != channels or 0 in array.shape[1:]:
            raise ValueError(
                f"{name} of shape {array.shape} must have the shape (units, exemplars, {channels}, height, width), with at "
                "least one exemplar and pixel"
            )
    if images.shape[:2] != masks.shape[:2] or images.shape[3:] != masks.shape[3:]:
        raise ValueError(
            f"images of shape {images.shape} and masks of shape {masks.shape} are not of the same exemplars"
        )
