"""GitHub's own REST description, as githubkit-schemas generates Python from it: routes, bodies, answers and errors.

Knows: which generated method is which route, and the models it names. Does not know: the status of a success, which the
generated code does not say.
"""

import ast
import builtins
import dataclasses
import functools
import pathlib
import re
import typing

import pydantic
from githubkit_schemas import v2022_11_28 as github
from githubkit_schemas.v2022_11_28 import models

# Where the routes of issues, pull requests, reactions and repositories are; the others are not asked for.
FILES = ("issues", "pulls", "reactions", "repos")


@dataclasses.dataclass
class Route:
    queries: set
    body: object = None
    answer: object = None
    errors: dict = dataclasses.field(default_factory=dict)


class Names(dict):
    """The generated models, each loaded when it is named."""

    def __missing__(self, name):
        return getattr(models, name, None) or getattr(typing, name, None) or getattr(builtins, name)


def named(node):
    """The model that an expression of the generated code names, such as `Union[A, list[B]]`."""
    return eval(ast.unparse(node), {}, Names())  # noqa: S307 - a pinned package's own code


def shape_of(path):
    """`/repos/{owner}` and `/repos/{repo_owner}` are the same path."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def url_of(node):
    if isinstance(node, ast.Constant):
        return node.value
    return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)


def route_of(function):
    """Method, path and `Route` of one generated method, or None where it is not a call."""
    url, route, method = None, Route(set()), None
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name == "url":
                url = url_of(node.value)
            elif name == "params" and isinstance(node.value, ast.Dict):
                route.queries = {key.value for key in node.value.keys}
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == "type_validate_python":
                route.body = node.args[0]
            elif called == "self._github.request":
                method = node.args[0].value
                for keyword in node.keywords:
                    if keyword.arg == "response_model":
                        route.answer = keyword.value
                    elif keyword.arg == "error_models":
                        pairs = zip(keyword.value.keys, keyword.value.values, strict=True)
                        route.errors = {key.value: value for key, value in pairs}
    return (method, url, route) if method and url else None


@functools.lru_cache
def routes():
    folder = pathlib.Path(github.__path__[0]) / "rest"
    found = {}
    for name in FILES:
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))):
            route = route_of(node) if isinstance(node, ast.FunctionDef) and _is_call(node) else None
            if route:
                found.setdefault((route[0], shape_of(route[1])), route[2])
    return found


def _is_call(function):
    # Overloads and the asynchronous twins say the same.
    return not function.decorator_list and isinstance(function.body[-1], ast.Return)


@functools.lru_cache
def route(operation):
    method, path = operation.split(" ", 1)
    found = routes().get((method, shape_of(path)))
    if found is None:
        return None
    return Route(
        found.queries,
        found.body and named(found.body),
        found.answer and named(found.answer),
        {status: named(model) for status, model in found.errors.items()},
    )


@functools.lru_cache
def adapter(model):
    return pydantic.TypeAdapter(model)


def check(model, value, say, visit):
    """Validates a value against a model, strictly in its types, and names members that the model lacks."""
    try:
        # JSON's own types: no text is taken for a number.
        valid = adapter(model).validate_json(pydantic.TypeAdapter(object).dump_json(value), strict=True)
    except pydantic.ValidationError as error:
        for problem in error.errors(include_url=False):
            path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in problem["loc"]).lstrip(".")
            say(path, problem["msg"], problem["input"])
        return
    _unknown(valid, value, "", say, visit)


def _unknown(valid, value, path, say, visit):
    if isinstance(valid, pydantic.BaseModel):
        visit(type(valid).__name__)
        fields = {field.alias or name: name for name, field in type(valid).model_fields.items()}
        allows = type(valid).model_config.get("extra") == "allow"
        for name, member in value.items():
            at = f"{path}.{name}".lstrip(".")
            if name in fields:
                _unknown(getattr(valid, fields[name]), member, at, say, visit)
            elif not allows:
                say(at, f"{type(valid).__name__} has no such member", member)
    elif isinstance(valid, list):
        for index, (item, member) in enumerate(zip(valid, value, strict=True)):
            _unknown(item, member, f"{path}[{index}]", say, visit)
