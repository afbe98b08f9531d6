"""config.yaml, its schema and the README's table say the same. `python tests/config/test_config_docs.py` rewrites the table."""

import json
import re

import jsonschema
import pytest
import yaml
from places import ROOT

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
SCHEMA = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text(encoding="utf-8"))
START, END = "<!-- config table -->\n", "<!-- end of config table -->"


def settings(schema, value, path=()):
    """Yield (key, schema, value) of every setting that has a fixed place."""
    if "properties" not in schema:
        yield ".".join(path), schema, value
        return
    for name, part in schema["properties"].items():
        yield from settings(part, value[name], (*path, name))


def allowed(schema):
    """Say in words what values a setting takes."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "enum" in schema:
        return " \\| ".join("null" if value is None else str(value) for value in schema["enum"])
    bounds = [
        f"{sign} {schema[key]}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in schema
    ]
    words = {"object": "by name", "array": "list", "string": "text"}
    return ", ".join([" or ".join(words.get(kind, kind) for kind in kinds), *bounds])


def table():
    """Return the README's table of settings."""
    lines = ["| key | default | allowed | meaning |", "| --- | --- | --- | --- |"]
    for key, schema, value in settings(SCHEMA, CONFIG):
        default = json.dumps(value)
        shown = "see config.yaml" if len(default) > 60 else f"`{default}`"
        lines.append(f"| `{key}` | {shown} | {allowed(schema)} | {schema['description']} |")
    return "\n".join(lines) + "\n"


def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_setting():
    assert readme().split(START)[1].split(END)[0] == table()


def test_the_config_is_valid():
    jsonschema.validate(CONFIG, SCHEMA)


def test_defaults_of_the_schema_are_the_config():
    for key, schema, value in settings(SCHEMA, CONFIG):
        assert schema["default"] == value, key


def objects(schema):
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from objects(part)


def test_the_schema_refuses_unknown_keys_and_describes_all_known_ones():
    found = list(objects(SCHEMA))
    assert found
    for schema in found:
        # what a factory takes is not ours to know
        assert schema["additionalProperties"] is (schema["description"] == "Keyword arguments of the factory.")
        for part in schema.get("properties", {}).values():
            assert part["description"]


@pytest.mark.parametrize("path", sorted((ROOT / "tests/configs").glob("bad_*.yaml")), ids=lambda path: path.stem)
def test_bad_configs_are_refused(path):
    def merge(base, change):
        both = isinstance(base, dict) and isinstance(change, dict)
        return {**base, **{k: merge(base.get(k), v) for k, v in change.items()}} if both else change

    changed = merge(CONFIG, yaml.safe_load(path.read_text(encoding="utf-8")))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed, SCHEMA)


def test_every_setting_has_a_comment():
    lines = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()
    for section in SCHEMA["properties"]:
        at = lines.index(next(line for line in lines if re.match(rf"{section}:", line)))
        assert lines[at - 1].startswith("#"), section


if __name__ == "__main__":
    before, rest = readme().split(START)
    (ROOT / "README.md").write_text(before + START + table() + END + rest.split(END)[1], encoding="utf-8")
