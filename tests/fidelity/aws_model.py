"""AWS's own models, as botocore ships them: walks a value along a shape and names every deviation.

Knows: shapes, their constraints, and how each wire form (JSON 1.1, query form, query XML) writes a scalar.
Does not know: records, or which errors an operation may answer.
"""

import base64
import binascii
import functools
import re

import botocore.loaders
import botocore.model

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
# Epoch seconds of 2000 and 2100: milliseconds, or a date of its own epoch, fall outside. The epoch itself is a test's clock.
SECONDS = (946_684_800, 4_102_444_800)


@functools.lru_cache
def service(name):
    loader = botocore.loaders.Loader()
    return botocore.model.ServiceModel(loader.load_service_model(name, "service-2"), service_name=name)


def status_of(error_shape):
    """The HTTP status of a declared error; botocore keeps whose fault it is in the raw model only."""
    raw = error_shape._shape_model
    return raw.get("error", {}).get("httpStatusCode", 500 if raw.get("fault") else 400)


@functools.lru_cache
def common_retry_codes():
    """Codes that any service may answer when it is busy, with their status: botocore's own list for all services."""
    rules = botocore.loaders.Loader().load_data("_retry")["definitions"].values()
    answers = [rule.get("applies_when", {}).get("response", {}) for rule in rules]
    return {a["service_error_code"]: a["http_status_code"] for a in answers if len(a) == 2 and "service_error_code" in a}


@functools.lru_cache
def compiled(pattern):
    """AWS writes Java's patterns and means the whole text."""
    # Beyond the first plane Java writes two halves for one character.
    pattern = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
    pattern = pattern.replace(r"\p{Print}", "[ -~]")
    pattern = re.sub(r"\\p\{L\}|\\p\{N\}", r"\\w", pattern)
    return re.compile(re.sub(r"\\p\{Z\}", r"\\s", pattern))


class Walk:
    """One value along one shape. `form` is how scalars are written: "json", "form" or "xml"."""

    def __init__(self, form, say, visit=lambda shape, members: None):
        self.form, self.say, self.visit = form, say, visit

    def walk(self, shape, value, path):
        if value is None:
            self.say(path, "null; AWS leaves the member out", value)
            return
        getattr(self, f"_{shape.type_name}", self._unknown)(shape, value, path)

    def _unknown(self, shape, value, path):
        self.say(path, f"no rule for type {shape.type_name}", value)

    def _structure(self, shape, value, path):
        if self.form == "form" and value == "":
            value = {}
        if getattr(shape, "is_document_type", False):
            return
        if not isinstance(value, dict):
            self.say(path, f"not a structure {shape.name}", value)
            return
        self.visit(shape, set(value))
        for name in shape.required_members:
            if name not in value:
                self.say(path, f"{shape.name} requires {name}", value)
        if shape.is_tagged_union and len(value) != 1:
            self.say(path, f"{shape.name} is a union of one member", value)
        for name, member in value.items():
            at = f"{path}.{name}" if path else name
            if name in shape.members:
                self.walk(shape.members[name], member, at)
            else:
                self.say(at, f"{shape.name} has no such member", member)

    def _list(self, shape, value, path):
        # A form writes an empty list as an empty text.
        if self.form == "form" and value == "":
            value = []
        if not isinstance(value, list):
            self.say(path, f"not a list {shape.name}", value)
            return
        self.visit(shape, set())
        self._bounds(shape, len(value), path, "items", value)
        for index, item in enumerate(value):
            self.walk(shape.member, item, f"{path}[{index}]")

    def _map(self, shape, value, path):
        if not isinstance(value, dict):
            self.say(path, f"not a map {shape.name}", value)
            return
        self.visit(shape, set())
        self._bounds(shape, len(value), path, "entries", value)
        for key, item in value.items():
            self.walk(shape.key, key, f"{path}.(key)")
            self.walk(shape.value, item, f"{path}.(value)")

    def _string(self, shape, value, path):
        if not isinstance(value, str):
            self.say(path, f"not a text {shape.name}", value)
            return
        self.visit(shape, set())
        self._bounds(shape, len(value), path, "characters", value)
        if shape.enum and value not in shape.enum:
            self.say(path, f"{shape.name} has no value {value}", value)
        pattern = shape.metadata.get("pattern")
        if pattern and not compiled(pattern).fullmatch(value):
            self.say(path, f"{shape.name} matches {pattern}", value)

    def _integer(self, shape, value, path):
        if self.form != "json" and isinstance(value, str) and re.fullmatch(r"-?\d+", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.say(path, f"not a whole number {shape.name}", value)
            return
        self.visit(shape, set())
        self._bounds(shape, value, path, "", value)

    _long = _integer

    def _double(self, shape, value, path):
        if self.form != "json" and isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?([eE]-?\d+)?", value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.say(path, f"not a number {shape.name}", value)
            return
        self.visit(shape, set())
        self._bounds(shape, value, path, "", value)

    _float = _double

    def _boolean(self, shape, value, path):
        if value not in ((True, False) if self.form == "json" else ("true", "false")) or isinstance(value, int) != (
            self.form == "json"
        ):
            self.say(path, f"not a boolean {shape.name}", value)
        self.visit(shape, set())

    def _timestamp(self, shape, value, path):
        self.visit(shape, set())
        iso = shape.serialization.get("timestampFormat", "" if self.form == "json" else "iso8601") == "iso8601"
        if iso:
            if not isinstance(value, str) or not ISO.fullmatch(value):
                self.say(path, "not an ISO 8601 time", value)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            self.say(path, "not a time in epoch seconds", value)
        elif not SECONDS[0] <= value <= SECONDS[1]:
            self.say(path, "a time far from ours: not in seconds?", value)

    def _blob(self, shape, value, path):
        self.visit(shape, set())
        try:
            base64.b64decode(value, validate=True)
        except (TypeError, binascii.Error):
            self.say(path, "not base64", value)

    def _bounds(self, shape, size, path, unit, value):
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and size < low:
            self.say(path, f"{shape.name} has at least {low} {unit}".rstrip(), value)
        if high is not None and size > high:
            self.say(path, f"{shape.name} has at most {high} {unit}".rstrip(), value)


def local(element):
    """A tag without its namespace."""
    return element.tag.rsplit("}", 1)[-1]


def from_xml(shape, element, path, say):
    """An element's content as the value that `Walk` reads; deviations of the XML's own form are said here."""
    children = list(element)
    if shape.type_name not in ("structure", "list", "map"):
        if children:
            say(path, f"elements where {shape.name} has text", local(children[0]))
        return element.text or ""
    if (element.text or "").strip():
        say(path, f"text where {shape.name} has elements", element.text)
    if shape.type_name == "structure":
        value = {}
        for child in children:
            name = local(child)
            at = f"{path}.{name}" if path else name
            if name in value:
                say(at, "twice in one structure", name)
            value[name] = from_xml(shape.members[name], child, at, say) if name in shape.members else child.text
        return value
    wanted = shape.member.serialization.get("name", "member") if shape.type_name == "list" else "entry"
    for child in children:
        if local(child) != wanted:
            say(path, f"{shape.name} is written with <{wanted}>", local(child))
    if shape.type_name == "list":
        return [from_xml(shape.member, child, f"{path}[0]", say) for child in children]
    pairs = [{local(part): part for part in child} for child in children]
    if any(set(pair) != {"key", "value"} for pair in pairs):
        say(path, f"{shape.name} is written with <key> and <value>", None)
        return {}
    return {pair["key"].text: from_xml(shape.value, pair["value"], f"{path}.(value)", say) for pair in pairs}
