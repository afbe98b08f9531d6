"""Apply the schema to the config: one-line error messages, defaults, paths."""

import copy
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, ValidationError, validators

from .nearest import did_you_mean

LONGEST_VALUE = 60
MOST_ERRORS = 20
# keys of earlier versions
RENAMED = {
    "training": "playground.network",
    "generator": "playground.generator",
    "planted": "playground.planted",
    **{name: f"analyses.{name}" for name in ("thresholds", "heuristics", "pictures", "comparison")},
    **{f"milan.{name}.beam_size": f"milan.{name}.beam" for name in ("training", "milannotations")},
}
KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "null": "null",
    "boolean": "true or false",
}


def read_schema(path: str | Path) -> dict:
    """Read the schema of the config."""
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def complete(config: dict, schema: dict) -> None:
    """Check a config, fill in defaults, and expand `~` in paths.

    Parameters
    ----------
    config : dict
        Changed in place.
    schema : dict

    Raises
    ------
    ValueError
        With one line for each error: key, value, allowed values, nearest name.
    """
    errors = sorted(_Checker(schema).iter_errors(config), key=lambda error: [str(key) for key in error.absolute_path])
    lines = list(dict.fromkeys(line for error in errors for line in _lines(error, schema)))
    if len(lines) > MOST_ERRORS:
        lines[MOST_ERRORS:] = [f"... and {len(lines) - MOST_ERRORS} more errors of the config"]
    if lines:
        raise ValueError("\n".join(lines))
    config.update(_expanded(config, schema))


def schema_of(keys: Sequence[str | int], schema: dict) -> dict | None:
    """Return the part of a schema that describes a key; None if there is no such key.

    Parameters
    ----------
    keys : sequence of str or int
        The key and its parents, from the top. For user-defined entries and list items any name is accepted.
    schema : dict
    """
    for key in keys:
        part = schema.get("properties", {}).get(key) or schema.get("additionalProperties") or schema.get("items")
        if not isinstance(part, dict):
            return None
        schema = part
    return schema


def allowed(schema: dict) -> str:
    """Describe the values that a part of the schema allows."""
    if "title" in schema:
        return schema["title"]
    if "enum" in schema:
        return "one of " + ", ".join("null" if value is None else str(value) for value in schema["enum"])
    if "anyOf" in schema:
        return ", or ".join(map(allowed, schema["anyOf"]))
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return ", or ".join(_kind(kind, schema) for kind in kinds)


def _kind(kind: str, schema: dict) -> str:
    """Describe the allowed values of one type."""
    if kind == "object":
        return f"a mapping with the keys {', '.join(schema['properties'])}" if "properties" in schema else "a mapping"
    if kind == "array":
        most = schema.get("maxItems")
        length = (
            "" if "minItems" not in schema else f" of {most}" if most == schema["minItems"] else " that is not empty"
        )
        distinct = ", none twice" if schema.get("uniqueItems") else ""
        return f"a list{length}, each item {allowed(schema['items'])}{distinct}"
    if kind == "string":
        return "text that is not empty" if schema.get("minLength") else "text"
    return " ".join([KINDS[kind], *(_bounds(schema) if kind != "null" else ())])


def _bounds(schema: dict) -> Iterator[str]:
    words = {
        "minimum": "of at least",
        "exclusiveMinimum": "above",
        "maximum": "of at most",
        "exclusiveMaximum": "below",
    }
    bounds = {key: f"{word} {schema[key]:,}" for key, word in words.items() if key in schema}
    if "minimum" in bounds and "maximum" in bounds:
        yield f"from {schema['minimum']:,} to {schema['maximum']:,}"
    elif bounds:
        yield " and ".join(bounds.values())
    if "multipleOf" in schema:
        yield f"that is a multiple of {schema['multipleOf']}"


def _lines(error: ValidationError, schema: dict) -> Iterator[str]:
    """Yield the lines of an error message."""
    place = list(error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        for key in sorted(error.instance.keys() - known.keys()):
            name = _dotted([*place, key])
            if name in RENAMED:
                yield f"config key {name}: its name is {RENAMED[name]} now."
            else:
                yield f"config key {name}: there is no such key, but {', '.join(known)}.{did_you_mean(key, known)}"
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                missing = allowed(schema_of([*place, key], schema))
                yield f"config key {_dotted([*place, key])}: it is missing; give {missing}."
    elif "propertyNames" in error.schema_path:
        yield f"config key {_dotted(place)}: its entry {_shown(error.instance)} must have {allowed(error.schema)}."
    else:
        hint = did_you_mean(str(error.instance), [str(value) for value in error.schema.get("enum", ())])
        yield f"config key {_dotted(place)}: {_shown(error.instance)} must be {allowed(error.schema)}.{hint}"


def _dotted(keys: Iterable[str | int]) -> str:
    return ".".join(map(str, keys)) or "(top level)"


def _shown(value: object) -> str:
    """Return a value in YAML notation, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 4]} ..."


def _expanded(value: object, schema: dict) -> object:
    """Return a part of the config with `~` in paths expanded."""
    if isinstance(value, dict):
        parts = {key: schema_of([key], schema) for key in value}
        return {key: _expanded(part, parts[key]) if parts[key] else part for key, part in value.items()}
    if isinstance(value, str) and schema.get("format") == "path":
        kind, path = re.match(r"((?:hf|biggan):)?(.*)", value, re.S).groups(default="")
        return kind + os.path.expanduser(path)
    return value


def _with_defaults(
    validator: Draft202012Validator, properties: dict, instance: object, schema: dict
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for key, part in properties.items():
            if "default" in part:
                instance.setdefault(key, copy.deepcopy(part["default"]))
    yield from Draft202012Validator.VALIDATORS["properties"](validator, properties, instance, schema)


_Checker = validators.extend(Draft202012Validator, {"properties": _with_defaults})
