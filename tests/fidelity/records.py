"""What the sandbox recorded, a call a line: reads it, and counts what a checker finds wrong with it.

Knows: the lines' form (sandbox/src/wire/record.rs) and the allow-list's. Does not know AWS's or GitHub's models.
"""

import dataclasses
import fnmatch
import json
import pathlib
import re

INDEX = re.compile(r"\[[0-9]+\]")


@dataclasses.dataclass(frozen=True)
class Exchange:
    source: str
    service: str
    operation: str
    input: object
    status: int
    answer: object = None
    error: str | None = None
    body: str | None = None

    @property
    def code(self):
        """The error's code; its message follows the first colon."""
        return self.error.split(": ", 1)[0] if self.error else None


def exchange(line, source="a line"):
    record = json.loads(line)
    names = {field.name for field in dataclasses.fields(Exchange)}
    return Exchange(source=source, **{name: value for name, value in record.items() if name in names})


def read(places):
    """Every exchange of these files and of the .jsonl files of these folders."""
    for place in map(pathlib.Path, places):
        for file in sorted(place.glob("*.jsonl")) if place.is_dir() else [place]:
            with file.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    yield exchange(line, f"{file.name}:{number}")


class Findings:
    """Deviations by name; a name that occurs again is counted, with its first place kept."""

    def __init__(self):
        self.found = {}

    def add(self, where, path, what, value, source):
        name = f"{where} {INDEX.sub('[]', path)}: {what}".replace(" : ", ": ")
        count, example = self.found.get(name, (0, f"{json.dumps(value, default=str)[:200]} at {source}"))
        self.found[name] = (count + 1, example)

    def names(self):
        return sorted(self.found)

    def judge(self, allow_file):
        """Prints what is not allowed and which allowances nobody needs; returns how many of either there are."""
        allowed = json.loads(pathlib.Path(allow_file).read_text(encoding="utf-8")) if allow_file else []
        for entry in allowed:
            if not entry.get("reason") or set(entry) != {"deviation", "reason"}:
                raise SystemExit(f"{allow_file}: an entry has a deviation and a reason, not {entry}")
        used, wrong = set(), 0
        for name in self.names():
            matching = [e["deviation"] for e in allowed if fnmatch.fnmatchcase(name, e["deviation"])]
            used.update(matching)
            if not matching:
                wrong += 1
                count, example = self.found[name]
                print(f"DEVIATION {name} (×{count}, e.g. {example})")
        for entry in allowed:
            if entry["deviation"] not in used:
                wrong += 1
                print(f"UNUSED allowance in {allow_file}: {entry['deviation']}")
        return wrong
