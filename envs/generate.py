"""Write requirements.txt, requirements-dev.txt and envs/base.yaml from the lists in pyproject.toml (`make requirements`)."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENTRY = re.compile(r'^  "([^"]+)",(?:\s+# (.*))?$', re.M)
USED = ("dependencies", "torch", "workflow", "clip")


def entries(name):
    """Return [(requirement, reason)] of a list in pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return ENTRY.findall(re.search(rf"^{name} = \[\n(.*?)^\]", text, re.M | re.S)[1])


def lines(*names):
    """Return one line for each requirement of some lists, with its reason."""
    return "".join(f"{what:<28} # {why}\n" for name in names for what, why in entries(name))


def files():
    """Return {path: content} of what is generated."""
    origin = "# Written by `make requirements` from pyproject.toml.\n"
    pip = "".join(f"      - {what}  # {why}\n" for name in USED for what, why in entries(name))
    return {
        "requirements.txt": f"{origin}# What Neuron Lexicon needs, and why.\n{lines(*USED)}",
        "requirements-dev.txt": f"{origin}# What tests, checks and the manual need besides.\n-r requirements.txt\n{lines('dev', 'docs')}",
        "envs/base.yaml": f"{origin}channels:\n  - conda-forge\ndependencies:\n  - python =3.11\n  - pip\n  - pip:\n{pip}",
    }


if __name__ == "__main__":
    for name, content in files().items():
        (ROOT / name).write_text(content, encoding="utf-8")
