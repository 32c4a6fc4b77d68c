"""The main job on ministack: somebody else's ECS, ECR and ALB, with real containers and a real registry.

Proves: login, build, push and read-back against another registry; the fallback for an ECS that lists no service
deployments; a broken image ends red and the old page goes on answering. Proves nothing about health: its targets are always
`healthy`.
"""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import boto3

from story import HERE, KEYS, REGION, Checks, deploy

ENDPOINT = os.environ["MINISTACK"]
REGISTRY = ENDPOINT.removeprefix("http://")
ROOT = HERE.parents[2]
CLUSTER, SERVICE, REPOSITORY, BALANCER = "fidelity", "web", "shipway-fidelity", "web-alb"
PORT = 8080


def client(name):
    return boto3.client(
        name, endpoint_url=ENDPOINT, region_name=REGION,
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )


ecs, ecr, elbv2 = client("ecs"), client("ecr"), client("elbv2")


class Page:
    """A commit with a static server and one page, in a repository of its own."""

    def __init__(self, directory):
        self.directory = Path(directory)
        (self.directory / "site").mkdir()
        subprocess.run(
            [os.environ.get("RUSTC", "rustc"), "--edition", "2024", "-C", "target-feature=+crt-static", "-O", "-C", "strip=symbols",
             "-o", self.directory / "server", ROOT / "page" / "server.rs"],
            check=True,
        )
        self.git("init", "-q", "-b", "main")

    def git(self, *words):
        identity = ["-c", "user.name=Fidelity", "-c", "user.email=fidelity@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *words], cwd=self.directory, check=True)

    def commit(self, text, *, crash_after=None):
        (self.directory / "site" / "index.html").write_text(text + "\n")
        crash = [] if crash_after is None else [f"ENV PAGE_CRASH_AFTER={crash_after}"]
        lines = ["FROM scratch", "COPY server /server", "COPY site /site", f"ENV PORT={PORT}", *crash, 'ENTRYPOINT ["/server"]']
        (self.directory / "Dockerfile").write_text("\n".join(lines) + "\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", text)
        return subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=self.directory, text=True).strip()


def docker(*words):
    run = subprocess.run(["docker", *words], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"docker {' '.join(words)}:\n{run.stdout}{run.stderr}")


def lay_out(first_image):
    """What a team has before it deploys with Shipway: a service behind an ALB, running something."""
    ecs.create_cluster(clusterName=CLUSTER)
    subnets = ["subnet-0a1b2c3d", "subnet-1a2b3c4d"]
    balancer = elbv2.create_load_balancer(Name=BALANCER, Subnets=subnets)["LoadBalancers"][0]
    group = elbv2.create_target_group(
        Name="web", Protocol="HTTP", Port=PORT, VpcId="vpc-0a1b2c3d", TargetType="ip",
        HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, UnhealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    definition = ecs.register_task_definition(
        family=SERVICE, networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        runtimePlatform={"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        containerDefinitions=[{"name": "web", "image": first_image, "essential": True, "portMappings": [{"containerPort": PORT}]}],
    )["taskDefinition"]["taskDefinitionArn"]
    ecs.create_service(
        cluster=CLUSTER, serviceName=SERVICE, taskDefinition=definition, desiredCount=1, launchType="FARGATE",
        loadBalancers=[{"targetGroupArn": group, "containerName": "web", "containerPort": PORT}],
        networkConfiguration={"awsvpcConfiguration": {"subnets": subnets}},
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
    )
    return group


def service():
    return ecs.describe_services(cluster=CLUSTER, services=[SERVICE])["services"][0]


def answer():
    """What a visitor gets through ministack's load balancer."""
    try:
        with urllib.request.urlopen(f"{ENDPOINT}/_alb/{BALANCER}/", timeout=5) as page:
            return page.read().decode().strip()
    except OSError as error:
        return f"no answer: {error}"


def await_answer(text, seconds=60):
    deadline = time.monotonic() + seconds
    while (got := answer()) != text and time.monotonic() < deadline:
        time.sleep(0.5)
    return got


def main():
    checks = Checks("ministack")
    with tempfile.TemporaryDirectory() as directory:
        page = Page(directory)
        repository = ecr.create_repository(repositoryName=REPOSITORY)["repository"]
        checks.equal(repository["repositoryUri"], f"{REGISTRY}/{REPOSITORY}", "repositoryUri can be reached")

        # The page that was there before, pushed by the docker command: not by us.
        page.commit("before")
        before = f"{REGISTRY}/{REPOSITORY}:before"
        docker("build", "-q", "-t", before, directory)
        docker("push", "-q", before)
        group = lay_out(before)
        checks.equal(await_answer("before"), "before", "the service laid out by boto3 answers")

        flags = ["--cluster", CLUSTER, "--service", SERVICE]
        build = [*flags, "--ecr-repository", REPOSITORY, "--context", directory]

        print("first deploy")
        sha = page.commit("first")
        first = deploy(ENDPOINT, *build)
        checks.equal((first.exit_code, first.status), (0, "serving"), "exit code and status", first.tail())
        checks.equal(first.outputs.get("image-tag"), sha, "the tag is the commit")
        checks.equal(service()["taskDefinition"], first.outputs.get("task-definition-arn"), "the service runs the new revision")
        checks.equal(answer(), "first", "a visitor sees it")

        print("second deploy")
        page.commit("second")
        second = deploy(ENDPOINT, *build)
        checks.equal((second.exit_code, second.status), (0, "serving"), "exit code and status", second.tail())
        checks.equal(second.outputs.get("previous-task-definition-arn"), first.outputs.get("task-definition-arn"), "it knows the previous revision")
        checks.equal(service()["taskDefinition"], second.outputs.get("task-definition-arn"), "the service runs the new revision")
        checks.equal(answer(), "second", "a visitor sees it")

        print("the same commit again")
        again = deploy(ENDPOINT, *build)
        checks.equal((again.exit_code, again.status), (0, "unchanged"), "exit code and status", again.tail())
        checks.equal(again.outputs.get("image-digest"), second.outputs.get("image-digest"), "the image is reused")
        checks.equal(service()["taskDefinition"], second.outputs.get("task-definition-arn"), "no revision is registered")

        print("a given tag")
        given = deploy(ENDPOINT, *flags, "--image", f"{REGISTRY}/{REPOSITORY}:{sha}")
        checks.equal((given.exit_code, given.status), (0, "serving"), "exit code and status", given.tail())
        checks.equal(given.outputs.get("image-digest"), first.outputs.get("image-digest"), "it is deployed by the tag's digest")
        checks.equal(answer(), "first", "a visitor sees it")

        print("broken image")
        page.commit("broken", crash_after=0)
        good = service()["taskDefinition"]
        broken = deploy(ENDPOINT, *build, "--wait-for-minutes", "3")
        checks.equal(broken.exit_code, 1, "exit code", broken.tail())
        checks.check(broken.status in ("rolled-back", "failed"), f"status is a failure's: {broken.status}", broken.tail())
        checks.check("circuit breaker" in broken.said, "it quotes the circuit breaker", broken.tail())
        checks.equal(await_answer("first"), "first", "the old page goes on answering")
        checks.equal(service()["taskDefinition"], good, "the service is back on the old revision")

        # Looked at, not assumed: whatever ministack learns has to be told here.
        deployments = ecs.list_service_deployments(cluster=CLUSTER, service=SERVICE)["serviceDeployments"]
        if not deployments:
            checks.skip("service deployments (ListServiceDeployments answers none): the fallback was used throughout")
        health = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "192.0.2.1", "Port": 9}])
        dead = [d["TargetHealth"]["State"] for d in elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
                if d["Target"]["Id"] == "192.0.2.1"]
        checks.check(bool(health), "tasks are registered as targets")
        if dead == ["healthy"]:
            checks.skip("target health (a target that nobody listens at is healthy)")
        started_by = {task["startedBy"] for task in ecs.describe_tasks(
            cluster=CLUSTER, tasks=ecs.list_tasks(cluster=CLUSTER, serviceName=SERVICE)["taskArns"])["tasks"]}
        if not any(name.startswith("ecs-svc/") for name in started_by):
            checks.skip("tasks by deployment (startedBy names the service): told apart by task definition")
        if not any("steady state" in event["message"] for event in service()["events"]):
            checks.skip("steady-state events")
        try:
            ecs.stop_service_deployment(serviceDeploymentArn=service()["serviceArn"].replace(":service/", ":service-deployment/") + "/x")
        except ecs.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in ("InvalidAction", "UnknownOperationException"):
                checks.skip("StopServiceDeployment (unknown operation)")
    checks.end()


if __name__ == "__main__":
    sys.exit(main())
