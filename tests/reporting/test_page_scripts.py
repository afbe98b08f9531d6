"""The scripts of the catalog: what they share is described by JSDoc types, which `make lint-js` compares with the code."""

import re

import pytest
from places import ROOT

from lib.reporting.catalog.pages import SCRIPTS, TEMPLATES

PUBLIC = re.compile(r"^  Lexicon\.(\w+) = (?:\((.*?)\) => |(\w+);)", re.M)
TYPES = (ROOT / "tests/javascript/types.d.ts").read_text(encoding="utf-8")


def n_parameters(text):
    """Count the parameters of a function; what is inside brackets belongs to one."""
    while re.search(r"[{(\[][^{}()\[\]]*[})\]]", text):
        text = re.sub(r"[{(\[][^{}()\[\]]*[})\]]", "x", text)
    return len(text.split(",")) if text else 0


def described(script):
    """Yield the name, the number of parameters and the JSDoc comment of each public function of a script."""
    text = (TEMPLATES / f"{script}.js").read_text(encoding="utf-8")
    for found in PUBLIC.finditer(text):
        name, parameters, alias = found.groups()
        if alias and alias.isupper():
            continue
        start = found.start()
        if alias:
            function = re.search(rf"^  const {alias} = \((.*?)\) => ", text, re.M)
            start, parameters = function.start(), function[1]
        comment = re.search(r"  /\*\*\n(?:   \*.*\n)+\Z", text[:start])
        yield name, n_parameters(parameters), comment[0] if comment else ""


@pytest.mark.parametrize("script", SCRIPTS)
def test_public_functions_have_types(script):
    for name, parameters, comment in described(script):
        assert comment.count("* @param {") == parameters, name
        assert re.search(rf"^  {name}[(<]", TYPES, re.M), f"{name} is not in types.d.ts"


def test_all_that_is_shared_is_found():
    names = [name for script in SCRIPTS for name, *_ in described(script)]
    assert len(names) == len(set(names)) > 60
    declared = TYPES[TYPES.index("interface LexiconModules") : TYPES.index("interface Window")]
    assert sorted(names) == sorted(re.findall(r"^  (\w+)[(<]", declared, re.M))
