"""Words and their numbers: the tokenizer, the vocabulary and the indexer of the captioning models.

Two notations are used throughout the captioning room: V is the number of words of a vocabulary, and the four special
symbols follow them, `<start>` V, `<stop>` V + 1, `<pad>` V + 2 and `<unk>` V + 3, which makes V + 4 symbols.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING

from .checks import LONGEST, check_flag, check_whole, check_words, shown

if TYPE_CHECKING:
    from spacy.language import Language

START, STOP, PAD, UNK = "<start>", "<stop>", "<pad>", "<unk>"
SPECIALS = (START, STOP, PAD, UNK)


@lru_cache(maxsize=1)
def _english() -> "Language":
    import spacy  # takes seconds; not needed to caption with a trained model

    return spacy.blank("en")


def english_pipeline() -> tuple[dict, bytes]:
    """Return spaCy's blank English pipeline, whose rules `Tokenizer` uses, as a plain configuration and its bytes."""
    english = _english()
    return json.loads(json.dumps(english.config)), english.to_bytes()


@dataclass(frozen=True, kw_only=True)
class Tokenizer:
    """Split English text into tokens with the rules of spaCy's blank English pipeline.

    Parameters
    ----------
    lowercase : bool
        Lower-case every token.
    ignore_stop : bool
        Drop stop words.
    ignore_punct : bool
        Drop punctuation.
    """

    lowercase: bool = True
    ignore_stop: bool = False
    ignore_punct: bool = False

    def __post_init__(self) -> None:
        """Check the flags."""
        for name in ("lowercase", "ignore_stop", "ignore_punct"):
            check_flag(name, getattr(self, name))

    def __call__(self, text: str) -> tuple[str, ...]:
        """Return the tokens of `text`; tokens of white space alone are dropped.

        Parameters
        ----------
        text : str
            The text to split.

        Returns
        -------
        tuple of str
            The tokens in their order.
        """
        kept = (
            token.text.lower() if self.lowercase else token.text
            for token in _english().tokenizer(text)
            if not (self.ignore_stop and token.is_stop) and not (self.ignore_punct and token.is_punct)
        )
        return tuple(token for token in kept if token.strip())


def count_vocabulary(
    texts: Iterable[str], tokenizer: Tokenizer, *, ignore_rarer_than: int = 0, ignored: Collection[str] = ()
) -> tuple[str, ...]:
    """List the words of a corpus by falling count, ties by first appearance.

    Parameters
    ----------
    texts : iterable of str
        The corpus.
    tokenizer : Tokenizer
        Splits a text into words.
    ignore_rarer_than : int
        Words that occur this often or less are left out.
    ignored : collection of str
        Words to leave out.

    Returns
    -------
    tuple of str
        The V words, without the special symbols.

    References
    ----------
    Hernandez et al., "Natural Language Descriptions of Deep Visual Features", ICLR 2022.
    """
    counts = Counter(token for text in texts for token in tokenizer(text))
    return tuple(word for word, count in counts.most_common() if count > ignore_rarer_than and word not in ignored)


@dataclass(frozen=True)
class Indexer:
    """Turn texts into symbol numbers and back.

    Parameters
    ----------
    tokens : tuple of str
        The V words, without the special symbols; word i has the number i.
    tokenizer : Tokenizer
        Splits a text into words.
    start, stop, pad, unk : bool
        Whether indexing by default prepends `<start>`, appends `<stop>`, pads to one length with `<pad>`, and writes
        unknown words as `<unk>` (else they are dropped).
    length : int or None
        Default number of words that indexing keeps.

    Raises
    ------
    ValueError
        If a word occurs twice, is a special symbol or no printable text, or if a setting is none.
    """

    tokens: tuple[str, ...]
    tokenizer: Tokenizer = Tokenizer()
    start: bool = True
    stop: bool = True
    pad: bool = True
    unk: bool = True
    length: int | None = None

    def __post_init__(self) -> None:
        """Check that words are distinct and printable, and that the settings are valid."""
        check_words(self.tokens)
        for name in ("start", "stop", "pad", "unk"):
            check_flag(name, getattr(self, name))
        if self.length is not None:
            check_whole("the indexer's length", self.length, lowest=1, highest=LONGEST)
        repeated = [word for word, count in Counter(self.tokens + SPECIALS).items() if count > 1]
        if repeated:
            raise ValueError(
                f"vocabulary words {shown(repeated[:5])} occur twice or are special symbols; every word needs one number"
            )

    @cached_property
    def ids(self) -> dict[str, int]:
        """The number of every word, special symbols included."""
        return {word: number for number, word in enumerate(self.tokens + SPECIALS)}

    @property
    def n_symbols(self) -> int:
        """The number of symbols, V + 4."""
        return len(self.tokens) + len(SPECIALS)

    @property
    def start_id(self) -> int:
        """The number of `<start>`."""
        return len(self.tokens)

    @property
    def stop_id(self) -> int:
        """The number of `<stop>`."""
        return len(self.tokens) + 1

    @property
    def pad_id(self) -> int:
        """The number of `<pad>`."""
        return len(self.tokens) + 2

    @property
    def unk_id(self) -> int:
        """The number of `<unk>`."""
        return len(self.tokens) + 3

    def __call__(self, texts: str | Sequence[str], **flags: bool | int | None) -> tuple:
        """Tokenize and index one text or several.

        Parameters
        ----------
        texts : str or sequence of str
            One text or a batch of them.
        **flags
            The keywords of `index`.

        Returns
        -------
        tuple
            Symbol numbers of the text, or one tuple of them for each text.
        """
        if isinstance(texts, str):
            return self.index([self.tokenizer(texts)], **flags)[0]
        return self.index([self.tokenizer(text) for text in texts], **flags)

    def index(
        self,
        tokens: Sequence[str] | Sequence[Sequence[str]],
        *,
        start: bool | None = None,
        stop: bool | None = None,
        pad: bool | None = None,
        unk: bool | None = None,
        length: int | None = None,
    ) -> tuple:
        """Turn words into symbol numbers.

        Parameters
        ----------
        tokens : sequence of str, or sequence of sequences of str
            One sequence of words or a batch of them.
        start, stop, pad, unk : bool or None
            As for the class, None for the indexer's own setting.
        length : int or None
            Number of words to keep; None for the indexer's own, and that failing for the longest sequence. `<start>`
            and `<stop>` come on top of it.

        Returns
        -------
        tuple of int, or tuple of tuples of int
            The numbers; a sequence that is too long is cut so that it still ends in `<stop>` if requested.
        """
        if not tokens:
            return ()
        if isinstance(tokens[0], str):
            return self.index([tokens], start=start, stop=stop, pad=pad, unk=unk, length=length)[0]
        start, stop, pad, unk = (
            own if given is None else given
            for given, own in zip((start, stop, pad, unk), (self.start, self.stop, self.pad, self.unk), strict=True)
        )
        length = self.length if length is None else length
        length = max(map(len, tokens)) if length is None else length
        length += start + stop
        rows = []
        for sequence in tokens:
            row = [self.start_id] * start
            row += [self.ids.get(word, self.unk_id) for word in sequence if unk or word in self.ids]
            row = row[: length - 1] + [self.stop_id] if stop else row[:length]
            rows.append(tuple(row + [self.pad_id] * (length - len(row)) * pad))
        return tuple(rows)

    def unindex(
        self, ids: Sequence[int], *, start: bool = True, stop: bool = True, pad: bool = True, unk: bool = True
    ) -> tuple[str, ...]:
        """Turn symbol numbers into words.

        Parameters
        ----------
        ids : sequence of int
            Numbers in [0, V + 4).
        start, stop, pad, unk : bool
            Whether to keep that special symbol.

        Returns
        -------
        tuple of str
            The words.

        Raises
        ------
        ValueError
            If a number is outside [0, V + 4).
        """
        symbols = self.tokens + SPECIALS
        wrong = [number for number in ids if not 0 <= number < len(symbols)]
        if wrong:
            raise ValueError(f"symbol number {wrong[0]} must be in [0, {len(symbols)}); it is of another vocabulary")
        dropped = {word for word, kept in zip(SPECIALS, (start, stop, pad, unk), strict=True) if not kept}
        return tuple(symbols[number] for number in ids if symbols[number] not in dropped)

    def reconstruct(self, sequence: Sequence[int] | Sequence[str]) -> str:
        """Write a sequence as a sentence, up to its first `<stop>`.

        Parameters
        ----------
        sequence : sequence of int or of str
            Symbol numbers or words.

        Returns
        -------
        str
            The sentence; empty if `<stop>` comes first.

        Raises
        ------
        ValueError
            If the sequence is empty.
        """
        if not len(sequence):
            raise ValueError("a sequence to write as a sentence must hold at least one symbol, this one is empty")
        words = sequence if isinstance(sequence[0], str) else self.unindex(sequence)
        spoken = [word for word in takewhile(lambda word: word != STOP, words) if word not in SPECIALS]
        text = " ".join(spoken)
        for mark in ".,;:":
            text = text.replace(f" {mark}", mark)
        text = text.replace(" -", "-").replace("- ", "-")
        return ". ".join(piece.strip().capitalize() for piece in text.split(".")).strip()
