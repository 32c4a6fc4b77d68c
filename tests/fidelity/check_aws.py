"""Holds every recorded AWS exchange to AWS's models: check_aws.py [--allow FILE] [--unfilled FILE] RECORDS…

Knows: requests, answers and errors of both protocols, and the errors that every AWS service has in common.
Does not know what an answer should say, only what it may.
"""

import argparse
import collections
import json
import sys
import xml.etree.ElementTree as ElementTree

import aws_model
import records
from aws_model import Walk, from_xml, local

# The sandbox names services as IAM does.
SERVICES = {
    "acm": "acm", "application-autoscaling": "application-autoscaling", "ecs": "ecs", "ecr": "ecr", "elasticloadbalancing": "elbv2",
    "iam": "iam", "logs": "logs", "ssm": "ssm", "sts": "sts",
}

# "Common Errors" of each service's API reference, with their status, less those that botocore's list of retried codes
# has (`common_retry_codes`). JSON services say it with 400 and the exception's name, query services with the bare code.
COMMON_JSON = {
    "AccessDeniedException": 400,
    "ExpiredTokenException": 400,
    "IncompleteSignatureException": 400,
    "InvalidSignatureException": 400,
    "MissingAuthenticationTokenException": 400,
    "UnrecognizedClientException": 400,
    "UnknownOperationException": 400,
    "InternalFailure": 500,
    "ServiceUnavailable": 503,
    "ThrottlingException": 400,
}
COMMON_QUERY = {
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "IncompleteSignature": 400,
    "InternalFailure": 500,
    "InvalidAction": 400,
    "InvalidClientTokenId": 403,
    "MissingAuthenticationToken": 403,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "Throttling": 400,
    "ValidationError": 400,
}


class Checker:
    def __init__(self):
        self.findings = records.Findings()
        self.validated = 0
        self.operations = set()
        self.shapes = set()
        # Members of answers, by service and shape: what could be, and what was.
        self.could, self.filled = {}, collections.defaultdict(set)

    def check(self, exchange):
        if exchange.service in ("github", "oci"):
            return
        where = f"{exchange.service}:{exchange.operation}"
        if exchange.service not in SERVICES:
            self.findings.add(where, "", f"could not be read: {exchange.error}", exchange.input, exchange.source)
            return
        service = SERVICES[exchange.service]
        model = aws_model.service(service)
        if exchange.operation not in model.operation_names:
            self.findings.add(where, "", "AWS has no such operation", None, exchange.source)
            return
        operation = model.operation_model(exchange.operation)
        self.validated += 1
        self.operations.add((service, exchange.operation))
        query = model.protocol == "query"
        self._request(where, service, operation, exchange, query)
        if exchange.error is not None:
            self._error(where, model, operation, exchange, query)
        elif exchange.answer is not None or exchange.body is not None or exchange.status == 200:
            self._answer(where, service, model, operation, exchange, query)
        elif exchange.status != 0:
            self.findings.add(where, "", f"status {exchange.status} without answer or error", None, exchange.source)

    def _say(self, part, exchange):
        return lambda path, what, value: self.findings.add(part, path, what, value, exchange.source)

    def _request(self, where, service, operation, exchange, query):
        say = self._say(f"{where} request", exchange)
        walk = Walk("form" if query else "json", say, lambda shape, _: self.shapes.add((service, shape.name)))
        if operation.input_shape is not None:
            walk.walk(operation.input_shape, exchange.input, "")
        elif exchange.input:
            say("", "the operation has no input", exchange.input)

    def _answer(self, where, service, model, operation, exchange, query):
        say = self._say(f"{where} answer", exchange)
        if exchange.status not in (0, 200):
            say("", f"an answer with status {exchange.status}", None)
        shape, value = operation.output_shape, exchange.answer
        if query:
            value = self._result(model, operation, exchange, say)
        if shape is None:
            if value:
                say("", "the operation has no output", value)
            return

        def visit(shape, members):
            self.shapes.add((service, shape.name))
            if shape.type_name == "structure":
                self.could[service, shape.name] = set(shape.members)
                self.filled[service, shape.name] |= members

        Walk("xml" if query else "json", say, visit).walk(shape, {} if value is None else value, "")

    @staticmethod
    def _result(model, operation, exchange, say):
        """The result's element as a value; the envelope is checked on the way."""
        root = ElementTree.fromstring(exchange.body)
        wanted = f"{{{model.metadata['xmlNamespace']}}}{operation.name}Response"
        if root.tag != wanted:
            say("", f"the root is {wanted}", root.tag)
        wrapper = (operation.output_shape and operation.output_shape.serialization.get("resultWrapper")) or ""
        result = None
        for child in root:
            if local(child) == wrapper:
                result = child
            elif local(child) != "ResponseMetadata":
                say("", f"beside {wrapper} stands only ResponseMetadata", local(child))
            elif [local(part) for part in child] != ["RequestId"]:
                say("", "ResponseMetadata has one RequestId", None)
        if result is None:
            if wrapper:
                say("", f"no {wrapper}", None)
            return None
        return from_xml(operation.output_shape, result, "", say)

    def _error(self, where, model, operation, exchange, query):
        say = self._say(f"{where} error", exchange)
        declared = {shape.error_code: shape for shape in operation.error_shapes}
        common = {**aws_model.common_retry_codes(), **(COMMON_QUERY if query else COMMON_JSON)}
        shape = declared.get(exchange.code)
        if shape is not None:
            status = aws_model.status_of(shape)
        elif exchange.code in common:
            status = common[exchange.code]
        else:
            say("", f"{exchange.code} is neither declared nor common", exchange.error)
            return
        if exchange.status not in (0, status):
            say("", f"{exchange.code} has status {status}, not {exchange.status}", exchange.error)
        if query:
            self._xml_error(model, exchange, status, say)
        else:
            self._json_error(shape, exchange, say)

    @staticmethod
    def _json_error(shape, exchange, say):
        body = json.loads(exchange.body)
        if body.pop("__type", "").rsplit("#", 1)[-1] != exchange.code:
            say("__type", f"names {exchange.code}", exchange.body)
        if shape is None:
            if set(body) != {"message"}:
                say("", "a common error has __type and message", exchange.body)
            return
        if "message" not in body:
            say("", "no message", exchange.body)
        # Some models leave the message out that every one of these errors has.
        if "message" not in shape.members:
            body.pop("message", None)
        Walk("json", say).walk(shape, body, "")

    @staticmethod
    def _xml_error(model, exchange, status, say):
        root = ElementTree.fromstring(exchange.body)
        wanted = f"{{{model.metadata['xmlNamespace']}}}ErrorResponse"
        if root.tag != wanted:
            say("", f"the root is {wanted}", root.tag)
        if [local(child) for child in root] != ["Error", "RequestId"]:
            say("", "ErrorResponse has Error and RequestId", exchange.body)
            return
        parts = {local(child): child.text for child in root[0]}
        if set(parts) != {"Type", "Code", "Message"} or parts["Code"] != exchange.code:
            say("", "Error has Type, Code and Message", exchange.body)
        elif parts["Type"] != ("Sender" if status < 500 else "Receiver"):
            say("", "Type says whose fault it is", exchange.body)

    def unfilled(self):
        """Members of answers that the sandbox never filled, a line a shape."""
        for (service, shape), members in sorted(self.could.items()):
            left = sorted(members - self.filled[service, shape])
            if left:
                yield f"{service} {shape}: {', '.join(left)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--allow", help="deviations that are allowed, each with its reason")
    parser.add_argument("--unfilled", help="where to write which members no answer filled")
    parser.add_argument("records", nargs="+")
    arguments = parser.parse_args()
    checker = Checker()
    for exchange in records.read(arguments.records):
        checker.check(exchange)
    wrong = checker.findings.judge(arguments.allow)
    left = list(checker.unfilled())
    if arguments.unfilled:
        with open(arguments.unfilled, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in left)
    members = sum(line.count(",") + 1 for line in left)
    print(
        f"AWS: {checker.validated} exchanges, {len(checker.operations)} operations, {len(checker.shapes)} distinct shapes, "
        f"{wrong} deviations; never filled: {members} members of {len(left)} shapes"
    )
    sys.exit(1 if wrong or not checker.validated else 0)


if __name__ == "__main__":
    main()
