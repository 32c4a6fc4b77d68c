"""Error codes, side by side: the same boto3 calls go to moto and to `shipway sandbox`, and each answer is a code.

Where the two differ, `differences.yml` says who is right and why, by AWS's page. A difference that is not listed fails, and so
does a listed one that no longer shows. Then the binary reads moto: up to a refusal, and up to `--wait-until none`.
"""

import json
import os
import re
import signal
import subprocess
import sys

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from story import HERE, KEYS, REGION, Checks, deploy

MOTO = os.environ["MOTO"]
OTHER = {  # ARNs of the right form that name nothing
    "balancer": "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/nope/50dc6c495c0c9188",
    "group": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/nope/73e2d6bc24d8a067",
    "listener": "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/nope/50dc6c495c0c9188/f2f7dc8efc522ab2",
    "rule": "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/nope/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee",
}


class Cloud:
    """One side: clients, and the resources that the cases need."""

    def __init__(self, name, endpoint, keys):
        self.name, self.endpoint = name, endpoint
        options = dict(endpoint_url=endpoint, region_name=REGION, config=Config(retries={"total_max_attempts": 1}), **keys)
        self.ecs, self.ecr, self.elbv2 = (boto3.client(service, **options) for service in ("ecs", "ecr", "elbv2"))
        self.vpc, self.subnets, self.firewall = "vpc-0a1b2c3d", ["subnet-0a1b2c3d", "subnet-1a2b3c4d"], "sg-0a1b2c3d"
        if name == "moto":
            ec2 = boto3.client("ec2", **options)
            self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
            self.subnets = [
                ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
                for n, zone in enumerate("ab")
            ]
            # moto falls over without one, which AWS does not ask for.
            self.firewall = ec2.create_security_group(GroupName="web", Description="web", VpcId=self.vpc)["GroupId"]
        self.lay_out()

    def lay_out(self):
        elbv2, ecs = self.elbv2, self.ecs
        self.balancer = elbv2.create_load_balancer(Name="alb", Subnets=self.subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        self.group = self.create_group("used")["TargetGroups"][0]["TargetGroupArn"]
        self.listener = elbv2.create_listener(
            LoadBalancerArn=self.balancer, Protocol="HTTP", Port=80, DefaultActions=self.forward(self.group),
        )["Listeners"][0]["ListenerArn"]
        self.rule = self.create_rule(10)["Rules"][0]["RuleArn"]
        rules = elbv2.describe_rules(ListenerArn=self.listener)["Rules"]
        self.default_rule = next(rule["RuleArn"] for rule in rules if rule["IsDefault"])
        ecs.create_cluster(clusterName="prod")
        self.definition = ecs.register_task_definition(
            family="web", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            containerDefinitions=[{"name": "web", "image": "registry.example.com/web:v1", "essential": True,
                                   "portMappings": [{"containerPort": 80}]}],
        )["taskDefinition"]["taskDefinitionArn"]
        self.create_service("web")
        if self.name == "moto":
            # The sandbox's world file made these: a manifest can be pushed there only after its layers.
            for name, mutability, tags in (("seeded", "MUTABLE", ["v1"]), ("fixed", "IMMUTABLE", ["v1", "v2"])):
                self.ecr.create_repository(repositoryName=name, imageTagMutability=mutability)
                for tag in tags:
                    self.ecr.put_image(repositoryName=name, imageTag=tag, imageManifest=manifest(tag))

    @staticmethod
    def forward(group):
        return [{"Type": "forward", "TargetGroupArn": group}]

    def create_group(self, name, port=80):
        return self.elbv2.create_target_group(Name=name, Protocol="HTTP", Port=port, VpcId=self.vpc, TargetType="ip")

    def create_rule(self, priority, group=None, listener=None):
        return self.elbv2.create_rule(
            ListenerArn=listener or self.listener, Priority=priority, Actions=self.forward(group or self.group),
            Conditions=[{"Field": "path-pattern", "Values": [f"/{priority}/*"]}],
        )

    def create_service(self, name, cluster="prod", group=None):
        return self.ecs.create_service(
            cluster=cluster, serviceName=name, taskDefinition=self.definition, desiredCount=1, launchType="FARGATE",
            loadBalancers=[{"targetGroupArn": group or self.group, "containerName": "web", "containerPort": 80}],
            networkConfiguration={"awsvpcConfiguration": {"subnets": self.subnets, "securityGroups": [self.firewall]}},
        )

    def manifest_of(self, repository, tag):
        images = self.ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag}])["images"]
        return images[0]["imageManifest"]


def manifest(salt):
    digest = "sha256:" + (salt.encode().hex() * 32)[:64]
    return json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 7, "digest": digest},
        "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 7, "digest": digest}],
    })


def elbv2_cases(c):
    e, forward = c.elbv2, c.forward
    yield "elbv2 DescribeLoadBalancers: name of none", lambda: e.describe_load_balancers(Names=["nope"])
    yield "elbv2 DescribeLoadBalancers: ARN of none", lambda: e.describe_load_balancers(LoadBalancerArns=[OTHER["balancer"]])
    yield "elbv2 DescribeTargetGroups: name of none", lambda: e.describe_target_groups(Names=["nope"])
    yield "elbv2 DescribeTargetGroups: ARN of none", lambda: e.describe_target_groups(TargetGroupArns=[OTHER["group"]])
    yield "elbv2 DescribeTargetGroups: load balancer of none", lambda: e.describe_target_groups(LoadBalancerArn=OTHER["balancer"])
    yield "elbv2 DescribeListeners: load balancer of none", lambda: e.describe_listeners(LoadBalancerArn=OTHER["balancer"])
    yield "elbv2 DescribeListeners: ARN of none", lambda: e.describe_listeners(ListenerArns=[OTHER["listener"]])
    yield "elbv2 DescribeRules: listener of none", lambda: e.describe_rules(ListenerArn=OTHER["listener"])
    yield "elbv2 DescribeRules: ARN of none", lambda: e.describe_rules(RuleArns=[OTHER["rule"]])
    yield "elbv2 DescribeTargetHealth: group of none", lambda: e.describe_target_health(TargetGroupArn=OTHER["group"])
    yield "elbv2 DescribeTargetGroupAttributes: group of none", lambda: e.describe_target_group_attributes(TargetGroupArn=OTHER["group"])
    yield "elbv2 DescribeTags: load balancer of none", lambda: e.describe_tags(ResourceArns=[OTHER["balancer"]])
    yield "elbv2 DescribeTags: group of none", lambda: e.describe_tags(ResourceArns=[OTHER["group"]])
    yield "elbv2 AddTags: group of none", lambda: e.add_tags(ResourceArns=[OTHER["group"]], Tags=[{"Key": "a", "Value": "b"}])
    yield "elbv2 CreateLoadBalancer: the same again", lambda: e.create_load_balancer(Name="alb", Subnets=c.subnets)
    yield "elbv2 CreateLoadBalancer: same name, other scheme", lambda: e.create_load_balancer(Name="alb", Subnets=c.subnets, Scheme="internal")
    yield "elbv2 CreateTargetGroup: the same again", lambda: c.create_group("used")
    yield "elbv2 CreateTargetGroup: same name, other port", lambda: c.create_group("used", 8080)
    yield "elbv2 CreateTargetGroup: name with an underscore", lambda: c.create_group("not_valid")
    yield "elbv2 CreateTargetGroup: name of 33 characters", lambda: c.create_group("a" * 33)
    yield "elbv2 CreateListener: the same again", lambda: e.create_listener(
        LoadBalancerArn=c.balancer, Protocol="HTTP", Port=80, DefaultActions=forward(c.group))
    yield "elbv2 CreateListener: port in use by another", lambda: e.create_listener(
        LoadBalancerArn=c.balancer, Protocol="HTTP", Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}])
    yield "elbv2 CreateListener: load balancer of none", lambda: e.create_listener(
        LoadBalancerArn=OTHER["balancer"], Protocol="HTTP", Port=81, DefaultActions=forward(c.group))
    yield "elbv2 CreateListener: group of none", lambda: e.create_listener(
        LoadBalancerArn=c.balancer, Protocol="HTTP", Port=82, DefaultActions=forward(OTHER["group"]))
    yield "elbv2 CreateRule: priority in use", lambda: c.create_rule(10)
    yield "elbv2 CreateRule: priority 50001", lambda: c.create_rule(50001)
    yield "elbv2 CreateRule: group of none", lambda: c.create_rule(20, group=OTHER["group"])
    yield "elbv2 CreateRule: listener of none", lambda: c.create_rule(20, listener=OTHER["listener"])
    yield "elbv2 ModifyRule: ARN of none", lambda: e.modify_rule(RuleArn=OTHER["rule"], Actions=forward(c.group))
    yield "elbv2 RegisterTargets: group of none", lambda: e.register_targets(TargetGroupArn=OTHER["group"], Targets=[{"Id": "10.0.0.9"}])
    yield "elbv2 DeregisterTargets: group of none", lambda: e.deregister_targets(TargetGroupArn=OTHER["group"], Targets=[{"Id": "10.0.0.9"}])
    yield "elbv2 DeregisterTargets: target of none", lambda: e.deregister_targets(TargetGroupArn=c.group, Targets=[{"Id": "10.0.0.9"}])
    yield "elbv2 DescribeTargetHealth: target of none", lambda: e.describe_target_health(
        TargetGroupArn=c.group, Targets=[{"Id": "10.0.0.9", "Port": 80}])
    yield "elbv2 DeleteTargetGroup: in use", lambda: e.delete_target_group(TargetGroupArn=c.group)
    yield "elbv2 DeleteTargetGroup: ARN of none", lambda: e.delete_target_group(TargetGroupArn=OTHER["group"])
    yield "elbv2 DeleteRule: ARN of none", lambda: e.delete_rule(RuleArn=OTHER["rule"])
    yield "elbv2 DeleteRule: the default rule", lambda: e.delete_rule(RuleArn=c.default_rule)
    yield "elbv2 DeleteListener: ARN of none", lambda: e.delete_listener(ListenerArn=OTHER["listener"])
    yield "elbv2 DeleteLoadBalancer: ARN of none", lambda: e.delete_load_balancer(LoadBalancerArn=OTHER["balancer"])


def ecr_cases(c):
    e = c.ecr
    nothing = "sha256:" + "0" * 64
    yield "ecr DescribeRepositories: name of none", lambda: e.describe_repositories(repositoryNames=["nope"])
    yield "ecr CreateRepository: name in use", lambda: e.create_repository(repositoryName="seeded")
    yield "ecr CreateRepository: capital letters", lambda: e.create_repository(repositoryName="Seeded")
    yield "ecr CreateRepository: exclusions, but IMMUTABLE", lambda: e.create_repository(
        repositoryName="odd", imageTagMutability="IMMUTABLE",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest"}])
    yield "ecr ListImages: repository of none", lambda: e.list_images(repositoryName="nope")
    yield "ecr DescribeImages: repository of none", lambda: e.describe_images(repositoryName="nope")
    yield "ecr DescribeImages: tag of none", lambda: e.describe_images(repositoryName="seeded", imageIds=[{"imageTag": "nope"}])
    yield "ecr DescribeImages: digest of none", lambda: e.describe_images(repositoryName="seeded", imageIds=[{"imageDigest": nothing}])
    yield "ecr BatchGetImage: repository of none", lambda: e.batch_get_image(repositoryName="nope", imageIds=[{"imageTag": "v1"}])
    yield "ecr BatchGetImage: tag of none", lambda: e.batch_get_image(repositoryName="seeded", imageIds=[{"imageTag": "nope"}])
    yield "ecr BatchGetImage: digest of none", lambda: e.batch_get_image(repositoryName="seeded", imageIds=[{"imageDigest": nothing}])
    yield "ecr BatchGetImage: no digest", lambda: e.batch_get_image(repositoryName="seeded", imageIds=[{"imageDigest": "latest"}])
    yield "ecr BatchGetImage: neither tag nor digest", lambda: e.batch_get_image(repositoryName="seeded", imageIds=[{}])
    other = e.batch_get_image(repositoryName="fixed", imageIds=[{"imageTag": "v2"}])["images"][0]["imageId"]["imageDigest"]
    yield "ecr BatchGetImage: tag and digest of two images", lambda: e.batch_get_image(
        repositoryName="fixed", imageIds=[{"imageTag": "v1", "imageDigest": other}])
    yield "ecr BatchDeleteImage: repository of none", lambda: e.batch_delete_image(repositoryName="nope", imageIds=[{"imageTag": "v1"}])
    yield "ecr BatchDeleteImage: tag of none", lambda: e.batch_delete_image(repositoryName="seeded", imageIds=[{"imageTag": "nope"}])
    yield "ecr PutImage: repository of none", lambda: e.put_image(repositoryName="nope", imageTag="v1", imageManifest=manifest("x"))
    yield "ecr PutImage: the same under the same tag", lambda: e.put_image(
        repositoryName="seeded", imageTag="v1", imageManifest=c.manifest_of("seeded", "v1"))
    yield "ecr PutImage: an immutable tag of another image", lambda: e.put_image(
        repositoryName="fixed", imageTag="v1", imageManifest=c.manifest_of("fixed", "v2"))
    yield "ecr PutImage: an immutable tag of the same image", lambda: e.put_image(
        repositoryName="fixed", imageTag="v1", imageManifest=c.manifest_of("fixed", "v1"))
    yield "ecr PutImage: layers that were not pushed", lambda: e.put_image(repositoryName="seeded", imageTag="x", imageManifest=manifest("x"))
    yield "ecr PutImage: no manifest", lambda: e.put_image(repositoryName="seeded", imageTag="x", imageManifest="{}")
    yield "ecr ListTagsForResource: repository of none", lambda: e.list_tags_for_resource(
        resourceArn="arn:aws:ecr:us-east-1:123456789012:repository/nope")
    yield "ecr GetDownloadUrlForLayer: repository of none", lambda: e.get_download_url_for_layer(repositoryName="nope", layerDigest=nothing)
    yield "ecr GetDownloadUrlForLayer: layer of none", lambda: e.get_download_url_for_layer(repositoryName="seeded", layerDigest=nothing)


def ecs_cases(c):
    e = c.ecs
    yield "ecs DescribeServices: cluster of none", lambda: e.describe_services(cluster="nope", services=["web"])
    yield "ecs DescribeServices: service of none", lambda: e.describe_services(cluster="prod", services=["nope"])
    yield "ecs DescribeServices: no service named", lambda: e.describe_services(cluster="prod", services=[])
    yield "ecs DescribeTaskDefinition: family of none", lambda: e.describe_task_definition(taskDefinition="nope")
    yield "ecs DescribeTaskDefinition: revision of none", lambda: e.describe_task_definition(taskDefinition="web:99")
    yield "ecs UpdateService: cluster of none", lambda: e.update_service(cluster="nope", service="web", desiredCount=1)
    yield "ecs UpdateService: service of none", lambda: e.update_service(cluster="prod", service="nope", desiredCount=1)
    yield "ecs UpdateService: task definition of none", lambda: e.update_service(cluster="prod", service="web", taskDefinition="nope:1")
    yield "ecs CreateService: name in use", lambda: c.create_service("web")
    yield "ecs CreateService: cluster of none", lambda: c.create_service("web", cluster="nope")
    yield "ecs CreateService: group of none", lambda: c.create_service("lost", group=OTHER["group"])
    yield "ecs DeleteService: service of none", lambda: e.delete_service(cluster="prod", service="nope")
    yield "ecs DeleteService: not scaled to zero", lambda: e.delete_service(cluster="prod", service="web")
    yield "ecs ListTasks: cluster of none", lambda: e.list_tasks(cluster="nope")
    yield "ecs ListTasks: service of none", lambda: e.list_tasks(cluster="prod", serviceName="nope")
    yield "ecs DescribeTasks: task of none", lambda: e.describe_tasks(cluster="prod", tasks=["0" * 32])
    yield "ecs ListServiceDeployments: service of none", lambda: e.list_service_deployments(cluster="prod", service="nope")


def answer(call):
    """An answer as a code: the error's, the failures' in a good answer, the state of a target, or `ok`."""
    try:
        got = call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return "not answered" if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 else code
    except ResponseParserError:  # a page for people in place of an answer
        return "not answered"
    failures = [failure.get("failureCode") or failure.get("reason") for failure in got.get("failures", [])]
    states = [description["TargetHealth"]["State"] for description in got.get("TargetHealthDescriptions", [])]
    return " ".join(["ok", *map(str, failures), *states])


class Sandbox:
    """`shipway sandbox` as a child, and the variables it prints."""

    def __enter__(self):
        self.process = subprocess.Popen(
            [os.environ["SHIPWAY"], "sandbox", "--world", str(HERE / "world.yml")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        variables, seen = {}, []
        while line := self.process.stdout.readline():
            seen.append(line)
            if match := re.match(r"export ([A-Z_]+)='(.*)'", line):
                variables[match[1]] = match[2]
            if "Ctrl-C" in line:
                keys = {"aws_access_key_id": variables["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": variables["AWS_SECRET_ACCESS_KEY"]}
                return variables["AWS_ENDPOINT_URL"], keys
        raise SystemExit("shipway sandbox did not come up:\n" + "".join(seen))

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()


def compare(checks, moto, sandbox):
    differences = {one["case"]: one for one in yaml.safe_load((HERE / "differences.yml").read_text())}
    print(f"  {'':56}{'moto':36}sandbox")
    for cases in (elbv2_cases, ecr_cases, ecs_cases):
        for (case, at_moto), (_, at_sandbox) in zip(cases(moto), cases(sandbox), strict=True):
            theirs, ours = answer(at_moto), answer(at_sandbox)
            listed = differences.pop(case, None)
            row = f"{case:56}{theirs:36}{ours}"
            if theirs == "not answered":
                # Nothing to compare with: moto has no such operation, or fell over.
                checks.skip(f"{case} (moto answers with a server error)")
            elif theirs == ours:
                checks.check(listed is None, row, "        listed in differences.yml, but there is none")
            elif listed is None:
                checks.check(False, row, "        not listed in differences.yml")
            else:
                wanted = (listed["moto"], listed["sandbox"])
                checks.check((theirs, ours) == wanted, f"{row}   ({listed['right']} right)", f"        listed as {wanted}")
    checks.check(not differences, "every listed difference was looked at", f"        left over: {sorted(differences)}")


def binary_reads(checks, moto):
    print("the binary on moto")
    flags = ["--cluster", "prod", "--image", "registry.example.com/web:v2"]
    missing = deploy(MOTO, *flags, "--service", "nope")
    checks.equal((missing.exit_code, missing.status), (6, "not-started"), "a service of none is refused by the preflight", missing.tail())
    lost = deploy(MOTO, "--cluster", "prod", "--service", "web", "--ecr-repository", "nope", "--image", "v2")
    checks.equal((lost.exit_code, lost.status), (6, "not-started"), "a repository of none is refused by the preflight", lost.tail())
    tag = deploy(MOTO, "--cluster", "prod", "--service", "web", "--ecr-repository", "seeded", "--image", "nope")
    checks.equal((tag.exit_code, tag.status), (6, "not-started"), "a tag of none is refused by the preflight", tag.tail())
    started = deploy(MOTO, *flags, "--service", "web", "--wait-until", "none")
    checks.equal((started.exit_code, started.status), (0, "started"), "a deploy is started", started.tail())
    service = moto.ecs.describe_services(cluster="prod", services=["web"])["services"][0]
    checks.equal(service["taskDefinition"], started.outputs.get("task-definition-arn"), "the service names the new revision")
    checks.check(started.outputs.get("task-definition-arn", "").endswith("/web:2"), "it is a new revision", started.tail())
    (container,) = moto.ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]["containerDefinitions"]
    checks.equal(container["image"], "registry.example.com/web:v2", "the revision has the image")
    balancer = moto.elbv2.describe_load_balancers()["LoadBalancers"][0]
    checks.equal(started.outputs.get("url"), f"http://{balancer['DNSName']}", "the URL is that of the load balancer", started.tail())


def main():
    checks = Checks("moto")
    moto = Cloud("moto", MOTO, {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]})
    with Sandbox() as (endpoint, keys):
        compare(checks, moto, Cloud("sandbox", endpoint, keys))
    binary_reads(checks, moto)
    checks.end()


if __name__ == "__main__":
    sys.exit(main())
