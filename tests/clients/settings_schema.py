"""shipway.schema.json, as other people's validators read it: a schema by its own draft, which takes and refuses the files of
tests/data/settings.yml as is written there, takes the example, and gives each pattern the same meaning as editors do.

Run: python tests/clients/settings_schema.py (needs check-jsonschema's packages: jsonschema, ruamel.yaml)
"""

import json
import pathlib
import sys

import jsonschema
from ruamel.yaml import YAML

ROOT = pathlib.Path(__file__).parents[2]


def loaded(text):
    yaml = YAML(typ="safe")
    yaml.allow_duplicate_keys = True
    return yaml.load(text)


schema = json.loads((ROOT / "shipway.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
wrong = [f"shipway.example.yml: {e.message}" for e in validator.iter_errors(loaded((ROOT / "shipway.example.yml").read_text()))]
cases = loaded((ROOT / "tests/data/settings.yml").read_text())
for case in cases:
    errors = [e.message for e in validator.iter_errors(loaded(case["file"]))]
    if bool(errors) != {"takes": False, "refuses": True}[case["schema"]]:
        wrong.append(f"{case['file']!r}: should be {case['schema']}, says {errors}")
print("\n".join(wrong) or f"{len(cases)} files are taken and refused as they should be")
sys.exit(bool(wrong))
