"""A slip in the sandbox must not pass: recorded exchanges, each with one mistake put in, and what the checkers say of it.

Knows: mistakes of the kind that a hand-written stand-in makes. The exchanges come from RECORDS, as a test run left them;
where a run has none of a kind the test fails, so that no slip goes untried.
"""

import contextlib
import copy
import dataclasses
import io
import json
import os
import tempfile
import unittest

import check_aws
import check_github
import records

EXCHANGES = list(records.read(os.environ["RECORDS"].split(os.pathsep)))


def one(operation, fits=lambda exchange: True):
    """A recorded exchange of this operation."""
    for exchange in EXCHANGES:
        if f"{exchange.service}:{exchange.operation}" == operation and fits(exchange):
            return copy.deepcopy(exchange)
    raise AssertionError(f"no {operation} was recorded that fits")


def answered(exchange):
    return exchange.answer is not None and exchange.status in (200, 201)


def slipped(exchange, checker, **changes):
    """What the checker says of an exchange with these changes, which it had nothing to say of before."""
    before, after = checker(), checker()
    before.check(exchange)
    assert not before.findings.names(), before.findings.names()
    after.check(dataclasses.replace(exchange, **changes))
    return after.findings.names()


class Aws(unittest.TestCase):
    def answer(self, operation, slip, fits=lambda exchange: True):
        """What is said of an answer after the slip."""
        exchange = one(operation, lambda e: answered(e) and fits(e))
        answer = copy.deepcopy(exchange.answer)
        slip(answer)
        return slipped(exchange, check_aws.Checker, answer=answer)

    def request(self, operation, slip):
        exchange = one(operation)
        sent = copy.deepcopy(exchange.input)
        slip(sent)
        return slipped(exchange, check_aws.Checker, input=sent)

    def service(self, slip):
        return self.answer("ecs:DescribeServices", lambda a: slip(a["services"][0]), lambda e: e.answer["services"])

    def rules(self, old, new):
        exchange = one("elasticloadbalancing:DescribeRules", lambda e: answered(e) and old in e.body)
        return slipped(exchange, check_aws.Checker, body=exchange.body.replace(old, new))

    def test_a_misspelt_member(self):
        said = self.service(lambda s: s.update(desiredcount=s.pop("desiredCount")))
        self.assertEqual(said, ["ecs:DescribeServices answer services[].desiredcount: Service has no such member"])

    def test_a_wrong_enum(self):
        said = self.service(lambda s: s["deployments"][0].update(rolloutState="DONE"))
        self.assertEqual(
            said,
            ["ecs:DescribeServices answer services[].deployments[].rolloutState: DeploymentRolloutState has no value DONE"],
        )

    def test_a_missing_required_member(self):
        said = self.service(lambda s: s["deploymentConfiguration"].update(deploymentCircuitBreaker={"enable": True}))
        self.assertEqual(
            said,
            [
                "ecs:DescribeServices answer services[].deploymentConfiguration.deploymentCircuitBreaker: "
                "DeploymentCircuitBreaker requires rollback"
            ],
        )

    def test_a_missing_required_member_of_a_request(self):
        said = self.request("ecs:DescribeServices", lambda i: i.pop("services"))
        self.assertEqual(said, ["ecs:DescribeServices request: DescribeServicesRequest requires services"])

    def test_a_text_where_a_number_belongs(self):
        said = self.service(lambda s: s.update(desiredCount="1"))
        self.assertEqual(said, ["ecs:DescribeServices answer services[].desiredCount: not a whole number Integer"])

    def test_a_null_that_aws_leaves_out(self):
        said = self.service(lambda s: s.update(roleArn=None))
        self.assertEqual(said, ["ecs:DescribeServices answer services[].roleArn: null; AWS leaves the member out"])

    def test_a_time_as_text_and_a_time_in_milliseconds(self):
        said = self.service(lambda s: s.update(createdAt="2026-11-24T14:00:00Z"))
        self.assertEqual(said, ["ecs:DescribeServices answer services[].createdAt: not a time in epoch seconds"])
        said = self.service(lambda s: s.update(createdAt=1_795_000_000_000))
        self.assertEqual(said, ["ecs:DescribeServices answer services[].createdAt: a time far from ours: not in seconds?"])

    def test_a_name_that_no_repository_has(self):
        said = self.request("ecr:DescribeImages", lambda i: i.update(repositoryName="Web App"))
        self.assertIn("ecr:DescribeImages request repositoryName: RepositoryName matches ", said[0])

    def test_a_list_that_is_too_long_and_a_number_that_is_too_large(self):
        said = self.request("ecr:BatchGetImage", lambda i: i.update(imageIds=[{"imageTag": "a"}] * 101))
        self.assertEqual(said, ["ecr:BatchGetImage request imageIds: ImageIdentifierList has at most 100 items"])
        said = self.request("elasticloadbalancing:CreateTargetGroup", lambda i: i.update(Port="65536"))
        self.assertEqual(said, ["elasticloadbalancing:CreateTargetGroup request Port: Port has at most 65535"])

    def test_a_list_of_xml_by_another_name(self):
        exchange = one("elasticloadbalancing:DescribeRules", answered)
        body = exchange.body.replace("<member>", "<item>").replace("</member>", "</item>")
        said = slipped(exchange, check_aws.Checker, body=body)
        self.assertIn("elasticloadbalancing:DescribeRules answer Rules: Rules is written with <member>", said)

    def test_a_boolean_of_xml_by_another_word(self):
        said = self.rules("<IsDefault>true</IsDefault>", "<IsDefault>1</IsDefault>")
        self.assertEqual(said, ["elasticloadbalancing:DescribeRules answer Rules[].IsDefault: not a boolean IsDefault"])

    def test_xml_without_its_result_and_of_another_namespace(self):
        said = self.rules("DescribeRulesResult", "DescribeRulesAnswer")
        self.assertIn("elasticloadbalancing:DescribeRules answer: no DescribeRulesResult", said)
        said = self.rules("doc/2015-12-01/", "doc/2012-06-01/")
        self.assertIn("the root is", said[0])

    def test_a_time_of_xml_in_epoch_seconds(self):
        exchange = one("elasticloadbalancing:DescribeLoadBalancers", lambda e: answered(e) and "<CreatedTime>" in e.body)
        head, _, rest = exchange.body.partition("<CreatedTime>")
        body = head + "<CreatedTime>1795000000" + rest[rest.index("</CreatedTime>") :]
        said = slipped(exchange, check_aws.Checker, body=body)
        self.assertEqual(
            said, ["elasticloadbalancing:DescribeLoadBalancers answer LoadBalancers[].CreatedTime: not an ISO 8601 time"]
        )

    def test_an_error_that_the_operation_does_not_declare(self):
        exchange = one("ecs:UpdateService", lambda e: e.code == "ServiceNotFoundException")
        said = slipped(exchange, check_aws.Checker, error="ServiceMissingException: Service not found.")
        self.assertEqual(said, ["ecs:UpdateService error: ServiceMissingException is neither declared nor common"])

    def test_an_error_with_another_status(self):
        exchange = one("elasticloadbalancing:CreateRule", lambda e: e.code == "PriorityInUse")
        said = slipped(exchange, check_aws.Checker, status=409)
        self.assertEqual(said, ["elasticloadbalancing:CreateRule error: PriorityInUse has status 400, not 409"])

    def test_an_operation_that_aws_does_not_have(self):
        exchange = one("ecs:DescribeServices")
        self.assertEqual(
            slipped(exchange, check_aws.Checker, operation="DescribeService"),
            ["ecs:DescribeService: AWS has no such operation"],
        )

    def test_an_allowance_that_nobody_needs(self):
        checker = check_aws.Checker()
        checker.check(one("ecs:DescribeServices"))
        with tempfile.NamedTemporaryFile("w", suffix=".json") as allow:
            json.dump([{"deviation": "ecs:*", "reason": "none"}], allow)
            allow.flush()
            with contextlib.redirect_stdout(io.StringIO()) as said:
                self.assertEqual(checker.findings.judge(allow.name), 1)
        self.assertIn("UNUSED allowance", said.getvalue())


class GitHub(unittest.TestCase):
    COMMENT = "github:POST /repos/{owner}/{repo}/issues/{issue_number}/comments"

    def answer(self, slip):
        exchange = one(self.COMMENT, answered)
        answer = copy.deepcopy(exchange.answer)
        slip(answer)
        return slipped(exchange, check_github.Checker, answer=answer)

    def test_a_misspelt_member(self):
        said = self.answer(lambda a: a.update(htmlUrl="https://github.com"))
        self.assertIn("answer htmlUrl: IssueComment has no such member", said[0])

    def test_a_wrong_enum(self):
        said = self.answer(lambda a: a.update(author_association="BOT"))
        self.assertIn("Input should be 'COLLABORATOR'", said[0])

    def test_a_missing_required_member(self):
        said = self.answer(lambda a: a.pop("html_url"))
        self.assertIn("answer html_url: Field required", said[0])

    def test_a_request_without_its_body(self):
        exchange = one(self.COMMENT, answered)
        said = slipped(exchange, check_github.Checker, input={**exchange.input, "body": {}})
        self.assertIn("request body: Field required", said[0])

    def test_a_field_that_the_query_did_not_ask_for_and_an_id_beyond_an_int(self):
        def nodes(exchange):
            pull_request = exchange.answer["data"]["repository"]["pullRequest"]
            return pull_request and pull_request["comments"]["nodes"]

        def fits(exchange):
            return answered(exchange) and "fullDatabaseId url" in exchange.input["body"]["query"] and nodes(exchange)

        for slip, says in (
            ({"title": "x"}, "not what was selected"),
            ({"fullDatabaseId": 7}, "a BigInt is written as text"),
        ):
            exchange = one("github:POST /graphql", fits)
            slippy = copy.deepcopy(exchange)
            nodes(slippy)[0].update(slip)
            said = slipped(exchange, check_github.Checker, answer=slippy.answer)
            self.assertIn(says, said[0])


if __name__ == "__main__":
    unittest.main()
