"""Other people's clients play the seed's story on `shipway sandbox`: awscli, the docker CLI, boto3 and curl.

Knows: the steps that a person does by hand, from an empty account to a page and back to zero. Knows nothing of Shipway's
code. Needs SHIPWAY (the binary), PAGE_SERVER (a static executable that serves a page) and Docker.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import boto3
import served
from botocore.exceptions import ClientError

WORLD = """
real-tasks: true
timings: {{ provisioning: 500ms, activating: 500ms, deprovisioning: 1s }}
load-balancers:
  - {{ name: sample-alb, dns-name: 127.0.0.1, listeners: [{{ port: {port} }}] }}
github:
  permissions: {{ pull-requests: write, deployments: write, contents: read }}
  pull-requests: [{{ number: 7, head-sha: {sha}, title: Say hello }}]
"""
SHA = "4f2a9c1d00000000000000000000000000000000"
QUERY = """query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) { comments(first: 100) {
    totalCount
    nodes { id fullDatabaseId url databaseId body viewerDidAuthor isMinimized }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  } } }
}"""
PAGE = "<!DOCTYPE html>\n<h1>Hello World!!</h1>\n"
SUBNETS = {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"], "securityGroups": ["sg-0a1b2c3d4e5f60718"]}}


def run(*command, feed=None):
    done = subprocess.run(command, input=feed, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def aws(*arguments):
    """AWS's own command line."""
    text = run(sys.executable, "-m", "awscli", *arguments, "--output", "json")
    return json.loads(text) if text.strip() else None


def curl(path, method="GET", body=None, status=200):
    """GitHub's REST API, as its documentation shows it."""
    command = ["curl", "-sS", "-X", method, "-w", "\n%{http_code}", "-H", "Accept: application/vnd.github+json"]
    command += ["-H", f"Authorization: Bearer {os.environ['GITHUB_TOKEN']}"]
    if body is not None:
        command += ["-d", json.dumps(body)]
    text, _, code = run(*command, os.environ["GITHUB_API_URL"] + path).rpartition("\n")
    assert int(code) == status, (method, path, code, text)
    return json.loads(text)


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
    else:
        raise AssertionError(f"{call.__name__} was not refused with {code}")


def image(context):
    """Steps 1 to 5: an image, a repository, a login, a second name, a push; and the pull that ECS will do."""
    repository = aws("ecr", "create-repository", "--repository-name", "test-repos")["repository"]
    registry = os.environ["ECR_REGISTRY"]
    password = run(sys.executable, "-m", "awscli", "ecr", "get-login-password").strip()
    run("docker", "login", "--username", "AWS", "--password-stdin", registry, feed=password)
    shutil.copy(os.environ["PAGE_SERVER"], context / "page-server")
    (context / "site").mkdir()
    (context / "site" / "index.html").write_text(PAGE)
    (context / "Dockerfile").write_text(
        'FROM scratch\nCOPY page-server /\nCOPY site /site\nEXPOSE 80\nCMD ["/page-server"]\n'
    )
    run("docker", "build", "-q", "-t", "nginx-test:local", str(context))
    tagged = f"{repository['repositoryUri']}:{SHA}"
    run("docker", "tag", "nginx-test:local", tagged)
    assert "digest: sha256:" in run("docker", "push", tagged)
    (detail,) = aws("ecr", "describe-images", "--repository-name", "test-repos")["imageDetails"]
    assert detail["imageTags"] == [SHA], detail
    pulled = f"{repository['repositoryUri']}@{detail['imageDigest']}"
    run("docker", "rmi", tagged, "nginx-test:local")
    run("docker", "pull", "-q", pulled)
    run("docker", "rmi", pulled)
    run("docker", "logout", registry)
    return pulled


def traffic(elbv2, port):
    """Steps 6 and 7: a target group of IP addresses, and a listener that forwards to it."""
    elbv2.get_waiter("load_balancer_available").wait(Names=["sample-alb"])
    (balancer,) = elbv2.describe_load_balancers(Names=["sample-alb"])["LoadBalancers"]
    arn = balancer["LoadBalancerArn"]
    (group,) = elbv2.create_target_group(
        Name="ecs-target-group", Protocol="HTTP", Port=80, VpcId=balancer["VpcId"], TargetType="ip",
        HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2, UnhealthyThresholdCount=2,
    )["TargetGroups"]  # fmt: skip
    group = group["TargetGroupArn"]
    attributes = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
    elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=attributes)
    # The load balancer came with a listener that answers 404, so that its port is open.
    (old,) = elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    elbv2.delete_listener(ListenerArn=old["ListenerArn"])
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=port, DefaultActions=forward)
    refused("ResourceInUse", elbv2.delete_target_group, TargetGroupArn=group)
    return group, f"http://{balancer['DNSName']}:{port}/"


def service(ecs, image, group):
    """Steps 8 to 10: a task definition, a cluster, a service with one task."""
    definition = ecs.register_task_definition(
        family="nginx-test", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="512", memory="1024",
        executionRoleArn="arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
        runtimePlatform={"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        containerDefinitions=[{
            "name": "nginx", "image": image, "essential": True, "cpu": 512, "memory": 1024, "memoryReservation": 1024,
            "portMappings": [{"containerPort": 80, "protocol": "tcp", "appProtocol": "http", "name": "nginx-80-tcp"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": "/ecs/nginx-test", "awslogs-region": "ap-northeast-1", "awslogs-stream-prefix": "ecs",
                "awslogs-create-group": "true"}},
        }],
    )["taskDefinition"]  # fmt: skip
    cluster = aws("ecs", "create-cluster", "--cluster-name", "nginx-dev-cluster")["cluster"]
    assert cluster["status"] == "ACTIVE", cluster
    created = ecs.create_service(
        cluster="nginx-dev-cluster", serviceName="nginx-test-server", taskDefinition=definition["taskDefinitionArn"],
        desiredCount=1, launchType="FARGATE", platformVersion="LATEST", networkConfiguration=SUBNETS,
        loadBalancers=[{"targetGroupArn": group, "containerName": "nginx", "containerPort": 80}],
    )["service"]  # fmt: skip
    assert created["status"] == "ACTIVE", created


def proof(ecs, elbv2, group, url):
    """Step 12: running tasks, a healthy target, a stable service, and the page behind the load balancer."""
    names = {"cluster": "nginx-dev-cluster", "services": ["nginx-test-server"]}
    quick = {"WaiterConfig": {"Delay": 1, "MaxAttempts": 90}}
    pages = ecs.get_paginator("list_tasks")
    for _ in range(30):
        found = pages.paginate(cluster="nginx-dev-cluster", serviceName="nginx-test-server")
        if tasks := [arn for page in found for arn in page["taskArns"]]:
            break
        time.sleep(1)
    ecs.get_waiter("tasks_running").wait(cluster="nginx-dev-cluster", tasks=tasks, **quick)
    elbv2.get_waiter("target_in_service").wait(TargetGroupArn=group, **quick)
    ecs.get_waiter("services_stable").wait(**names, **quick)
    assert run("curl", "-sS", "--fail", url) == PAGE
    described = aws("ecs", "describe-tasks", "--cluster", "nginx-dev-cluster", "--tasks", *tasks)["tasks"]
    assert [task["lastStatus"] for task in described] == ["RUNNING"], described
    return tasks


def stop(ecs, elbv2, group, tasks):
    """Step 13: desired tasks 0, and everything is taken down again."""
    quick = {"WaiterConfig": {"Delay": 1, "MaxAttempts": 90}}
    names = {"cluster": "nginx-dev-cluster", "services": ["nginx-test-server"]}
    health = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    targets = [{"Id": target["Target"]["Id"], "Port": target["Target"]["Port"]} for target in health]
    aws("ecs", "update-service", "--cluster", "nginx-dev-cluster", "--service", "nginx-test-server", "--desired-count", "0")
    ecs.get_waiter("tasks_stopped").wait(cluster="nginx-dev-cluster", tasks=tasks, **quick)
    ecs.get_waiter("services_stable").wait(**names, **quick)
    elbv2.get_waiter("target_deregistered").wait(TargetGroupArn=group, Targets=targets, **quick)
    ecs.delete_service(cluster="nginx-dev-cluster", service="nginx-test-server")
    ecs.get_waiter("services_inactive").wait(**names, **quick)


def github():
    """What a pull request shows, written and read as GitHub's documentation does it."""
    repository = "/repos/octo-org/web"
    assert curl(repository)["full_name"] == "octo-org/web"
    assert curl(f"{repository}/pulls/7")["head"]["sha"] == SHA
    curl(f"{repository}/pulls/8", status=404)
    comment = curl(f"{repository}/issues/7/comments", "POST", {"body": "Deployed"}, 201)
    curl(f"{repository}/issues/comments/{comment['id']}", "PATCH", {"body": "Deployed again"})
    (listed,) = curl(f"{repository}/issues/7/comments?per_page=1")
    assert listed["body"] == "Deployed again", listed
    asked = curl("/graphql", "POST", {"query": QUERY, "variables": {"owner": "octo-org", "name": "web", "number": 7}})
    (node,) = asked["data"]["repository"]["pullRequest"]["comments"]["nodes"]
    assert node["fullDatabaseId"] == str(comment["id"]), node
    wanted = {"ref": SHA, "environment": "production", "auto_merge": False, "required_contexts": []}
    deployment = curl(f"{repository}/deployments", "POST", wanted, 201)
    status = {"state": "success", "environment_url": "https://example.com/"}
    curl(f"{repository}/deployments/{deployment['id']}/statuses", "POST", status, 201)
    assert curl(f"{repository}/deployments/{deployment['id']}/statuses")[0]["state"] == "success"
    assert curl(f"{repository}/deployments")[0]["id"] == deployment["id"]
    assert [pull["number"] for pull in curl(f"{repository}/commits/{SHA}/pulls")] == [7]


def main():
    port = served.free_port()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "world.yml").write_text(WORLD.format(port=port, sha=SHA))
        (folder / "context").mkdir()
        # The person's own credential store stays as it is.
        (folder / "docker").mkdir()
        with served.sandbox(folder / "world.yml") as variables:
            os.environ.update(variables, DOCKER_CONFIG=str(folder / "docker"), DOCKER_BUILDKIT="0")
            ecs, elbv2 = boto3.client("ecs"), boto3.client("elbv2")
            pulled = image(folder / "context")
            group, url = traffic(elbv2, port)
            service(ecs, pulled, group)
            tasks = proof(ecs, elbv2, group, url)
            stop(ecs, elbv2, group, tasks)
            print(f"clients: awscli, docker, boto3 and curl played the seed's story; {url} served the page")
            github()
            print("clients: curl wrote and read a comment, a deployment and its status")


if __name__ == "__main__":
    main()
