"""Dictionary forms of English words."""

from collections.abc import Mapping
from functools import lru_cache


@lru_cache(maxsize=1)
def english_lemmas() -> Mapping[str, str]:
    """Return spaCy's table of the dictionary forms of English words, such as `man` of `men`.

    Raises
    ------
    ModuleNotFoundError
        If the package with the table is not installed.
    """
    from spacy.lookups import load_lookups  # takes seconds

    try:
        tables = load_lookups("en", ["lemma_lookup"])
    except ValueError as error:
        raise ModuleNotFoundError("spaCy's tables of words are missing: pip install spacy-lookups-data") from error
    return tables.get_table("lemma_lookup")
