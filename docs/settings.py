"""Write the comments of config.yaml and docs/configuration.md from the descriptions in the schema (`make settings`)."""

import json
import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from lib.config.schema import allowed, read_schema, schema_of  # noqa: E402

SCHEMA = read_schema(ROOT / "rules/schemas/config.schema.yaml")
WIDTH = 120
COLUMN = 27
COMMENT = re.compile(r"(^|\s+)#.*$")


def entry_of(section):
    """Return the schema of the entries of a section such as `models`; None if its keys are fixed."""
    entry = section.get("additionalProperties")
    return entry if isinstance(entry, dict) and "properties" in entry else None


def entry_descriptions(section):
    """Return {name: description} of the entries that come with the workflow and need one."""
    return section.get("entries", {})


def entry_default(key, entry):
    """Return the default of a key of an entry; None if it has none."""
    places = (entry["properties"], entry.get("else", {}).get("properties", {}))
    return next((place[key]["default"] for place in places if "default" in place.get(key, {})), None)


def commented(text, indent="", hanging=""):
    """Return the lines of a comment."""
    start = f"{indent}# "
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=start + hanging, break_on_hyphens=False)


def section_comment(section):
    """Return the lines of the comment above a section."""
    lines = commented(section["description"])
    entry = entry_of(section)
    for key, part in entry["properties"].items() if entry else ():
        default = entry_default(key, entry)
        ending = "" if default is None else f" Default: {json.dumps(default)}."
        lines += commented(f"  {key}: {part['description']}{ending}", hanging="    ")
    return lines


def setting_lines(line, description):
    """Return a line of a setting with its comment: beside it, and above it where there is no room."""
    if len(line) >= COLUMN:
        beside = f"{line}  # {description}"
        indent = line[: len(line) - len(line.lstrip())]
        return [beside] if len(beside) <= WIDTH else [*commented(description, indent), line]
    return textwrap.wrap(
        description,
        WIDTH,
        initial_indent=f"{line:<{COLUMN}}# ",
        subsequent_indent=f"{'':<{COLUMN}}# ",
        break_on_hyphens=False,
    )


def config_text(text):
    """Return the text of config.yaml with its comments; keys, values and their order stay as they are."""
    done, place = SCHEMA["description"].splitlines(), []
    done = [f"# {line}" for line in done]
    for line in filter(None, (COMMENT.sub("", line) for line in text.splitlines())):
        found = re.match(r"( *)([\w.+-]+):", line)
        if not found:
            done.append(line)
            continue
        depth = len(found[1]) // 2
        place[depth:] = [found[2]]
        part = schema_of(place, SCHEMA)
        if depth == 0:
            done += ["", *section_comment(part), line]
        else:
            is_entry = any(entry_of(schema_of(place[:above], SCHEMA)) for above in range(1, depth + 1))
            known = entry_descriptions(schema_of(place[:1], SCHEMA)).get(place[1]) if depth == 1 else None
            done += commented(known, "  ") if known else []
            done += [line] if is_entry else setting_lines(line, part["description"])
    return "\n".join(done) + "\n"


def settings(schema, place=()):
    """Yield (key, schema) of every setting that has a fixed place."""
    for name, part in schema["properties"].items():
        if "properties" in part:
            yield from settings(part, (*place, name))
        else:
            yield ".".join((*place, name)), part


def row(*cells):
    """Return a line of a table in Markdown."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(rows):
    """Return a table of settings in Markdown."""
    return [row("key", "default", "allowed", "meaning"), row(*["---"] * 4), *(row(*cells) for cells in rows), ""]


def section_lines(name, section):
    """Return what the page says of a section."""
    lines = [f"## {name}", "", section["description"], ""]
    if entry := entry_of(section):
        lines += [f"Entries by name, `{name}.NAME`; those that come with the workflow stand in `config.yaml`.", ""]
        if known := entry_descriptions(section):
            lines += [row("entry", "content"), row(*["---"] * 2)]
            lines += [*(row(f"`{key}`", text) for key, text in known.items()), ""]
        return lines + table(
            (f"`{key}`", entry_cell(key, entry), allowed(part), part["description"])
            for key, part in entry["properties"].items()
        )
    for key, part in section.get("properties", {}).items():
        if "properties" in part:
            lines += [f"`{name}.{key}`: {part['description']}", ""]
    return lines + table(
        (f"`{key}`", f"`{json.dumps(part['default'])}`", allowed(part), part["description"])
        for key, part in settings({"properties": {name: section}})
    )


def entry_cell(key, entry):
    """Return what the page gives as the default of a key of an entry."""
    default = entry_default(key, entry)
    return "required" if key in entry.get("required", ()) else "" if default is None else f"`{json.dumps(default)}`"


def page():
    """Return the text of docs/configuration.md."""
    lines = ["# Configuration", "", *SCHEMA["description"].splitlines(), ""]
    for name, section in SCHEMA["properties"].items():
        lines += section_lines(name, section)
    return "\n".join(lines)


def files():
    """Return {path: content} of what is generated."""
    config = (ROOT / "config.yaml").read_text(encoding="utf-8")
    return {"config.yaml": config_text(config), "docs/configuration.md": page()}


if __name__ == "__main__":
    for name, content in files().items():
        (ROOT / name).write_text(content, encoding="utf-8")
