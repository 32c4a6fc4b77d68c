"""Holds every recorded GitHub exchange to GitHub's models: check_github.py [--allow FILE] RECORDS…

Knows: the REST routes by GitHub's OpenAPI description, and one GraphQL query by a hand-kept excerpt of the schema.
Unproven, because no package says it: the excerpt, the status of a success, and the runner's id-token endpoint.
"""

import argparse
import json
import pathlib
import sys

import github_model
import graphql
import records
from githubkit_schemas.v2022_11_28 import models

ID_TOKEN = "GET /_id-token"
EXCERPT = pathlib.Path(__file__).with_name("github_graphql_excerpt.graphql")
# GitHub's pages "Troubleshooting the REST API" and "Rate limits": what any route may answer, as a BasicError.
COMMON = {400, 401, 403, 404, 422, 429, 500, 502, 503}


def big_int(value):
    if not isinstance(value, str) or not value.isdecimal():
        raise graphql.GraphQLError(f"a BigInt is written as text, not {value!r}")
    return value


class Checker:
    def __init__(self):
        self.findings = records.Findings()
        self.validated = 0
        self.routes = set()
        self.shapes = set()
        self.schema = graphql.build_schema(EXCERPT.read_text(encoding="utf-8"))
        self.schema.type_map["BigInt"].coerce_output_value = big_int

    def check(self, exchange):
        if exchange.service != "github":
            return

        def say(path, what, value):
            self.findings.add(exchange.operation, path, what, value, exchange.source)

        if exchange.operation == ID_TOKEN:
            self._counted(exchange)
            if exchange.answer is not None and not isinstance(exchange.answer.get("value"), str):
                say("value", "not a text", exchange.answer)
            return
        if exchange.operation == "POST /graphql":
            self._counted(exchange)
            self._graphql(exchange, say)
            return
        route = github_model.route(exchange.operation)
        if route is None:
            say("", "GitHub has no such route", exchange.input["path"])
            return
        self._counted(exchange)
        self._request(route, exchange, say)
        if exchange.error is not None:
            self._error(route, exchange, say)
        elif exchange.answer is not None:
            self._answer(route, exchange, say)

    def _counted(self, exchange):
        self.validated += 1
        self.routes.add(exchange.operation)

    def _request(self, route, exchange, say):
        for name in set(exchange.input["query"]) - route.queries:
            say(f"?{name}", "no such query parameter", exchange.input["query"][name])
        body = exchange.input["body"]
        if route.body is not None:
            github_model.check(route.body, body, lambda p, w, v: say(f"request {p}", w, v), self.shapes.add)
        elif body is not None:
            say("request", "the route takes no body", body)

    def _answer(self, route, exchange, say):
        wanted = 201 if exchange.operation.startswith("POST ") else 200
        if exchange.status not in (0, wanted):
            say("answer", f"status {exchange.status}, not {wanted}", None)
        if route.answer is None:
            say("answer", "the route answers nothing", exchange.answer)
            return
        github_model.check(route.answer, exchange.answer, lambda p, w, v: say(f"answer {p}", w, v), self.shapes.add)

    def _error(self, route, exchange, say):
        status = int(exchange.code)
        if exchange.status not in (0, status):
            say("error", f"status {exchange.status}, not {status}", exchange.error)
        model = route.errors.get(str(status))
        if model is None:
            if status not in COMMON:
                say("error", f"{status} is neither the route's nor common", exchange.error)
                return
            model = models.BasicError
        body = json.loads(exchange.body)
        # GitHub repeats the status in every refusal; only BasicError's model says so.
        if model is not models.BasicError:
            body.pop("status", None)
        github_model.check(model, body, lambda p, w, v: say(f"error {p}", w, v), self.shapes.add)

    def _graphql(self, exchange, say):
        body = exchange.input["body"]
        if exchange.error is not None:
            return
        try:
            query = graphql.parse(body["query"])
        except (graphql.GraphQLError, KeyError, TypeError) as error:
            say("query", f"not a query: {error}", body)
            return
        for error in graphql.validate(self.schema, query):
            say("query", error.message, body["query"])
            return
        self.shapes.update(name for name in self.schema.type_map if not name.startswith("__"))
        answer = exchange.answer
        if not isinstance(answer, dict) or not set(answer) <= {"data", "errors"}:
            say("answer", "an answer has data and errors", answer)
            return
        for error in answer.get("errors", []):
            if not isinstance(error.get("message"), str):
                say("answer errors", "an error has a message", error)
        # Resolving the query on the answer gives the answer again, if it has what was asked for and nothing else.
        resolved = graphql.execute(self.schema, query, root_value=answer.get("data"), variable_values=body.get("variables"))
        for error in resolved.errors or []:
            say("answer data", error.message, answer)
        if "data" in answer and not resolved.errors and resolved.data != answer["data"]:
            say("answer data", "not what was selected", answer["data"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--allow", help="deviations that are allowed, each with its reason")
    parser.add_argument("records", nargs="+")
    arguments = parser.parse_args()
    checker = Checker()
    for exchange in records.read(arguments.records):
        checker.check(exchange)
    wrong = checker.findings.judge(arguments.allow)
    print(
        f"GitHub: {checker.validated} exchanges, {len(checker.routes)} operations, {len(checker.shapes)} distinct shapes, "
        f"{wrong} deviations; unproven: the GraphQL excerpt, the status of a success, the id-token endpoint"
    )
    sys.exit(1 if wrong or not checker.validated else 0)


if __name__ == "__main__":
    main()
