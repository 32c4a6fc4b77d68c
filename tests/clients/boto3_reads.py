"""Another client's eyes: boto3 lists and describes what `shipway try` made, and must parse every answer.

Starts `shipway try`, reads the `export` lines it prints, asks each service, and stops it. Knows nothing of Shipway's code.
"""

import os
import re
import signal
import subprocess
import sys
import time

import boto3


def wait_for_exports(process, deadline):
    """The world is ready once `try` says where it serves; the export lines come before that."""
    variables, seen = {}, []
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        if not line:
            break
        seen.append(line)
        match = re.match(r"\s*export ([A-Z_]+)='?([^'\n]*)'?", line)
        if match:
            variables[match[1]] = match[2]
        if "Ctrl-C" in line:
            return variables
    raise SystemExit("shipway try did not come up:\n" + "".join(seen))


def main():
    process = subprocess.Popen(
        [os.environ["SHIPWAY"], "try"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        variables = wait_for_exports(process, time.monotonic() + 300)
        os.environ.update(variables)
        ecs, ecr = boto3.client("ecs"), boto3.client("ecr")
        elbv2, logs, sts = boto3.client("elbv2"), boto3.client("logs"), boto3.client("sts")

        clusters = ecs.list_clusters()["clusterArns"]
        (cluster,) = ecs.describe_clusters(clusters=clusters)["clusters"]
        (service,) = ecs.describe_services(
            cluster=cluster["clusterName"],
            services=ecs.list_services(cluster=cluster["clusterName"])["serviceArns"],
        )["services"]
        assert service["serviceName"] == "nginx-test-server", service
        tasks = ecs.get_paginator("list_tasks").paginate(cluster=cluster["clusterName"], serviceName="nginx-test-server")
        arns = [arn for page in tasks for arn in page["taskArns"]]
        described = ecs.describe_tasks(cluster=cluster["clusterName"], tasks=arns)["tasks"]
        assert any(task["lastStatus"] == "RUNNING" for task in described), described
        definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"], include=["TAGS"])
        image = definition["taskDefinition"]["containerDefinitions"][0]["image"]
        assert "@sha256:" in image, image
        deployments = ecs.list_service_deployments(cluster=cluster["clusterName"], service="nginx-test-server")
        briefs = deployments["serviceDeployments"]
        (newest, *_) = ecs.describe_service_deployments(
            serviceDeploymentArns=[brief["serviceDeploymentArn"] for brief in briefs]
        )["serviceDeployments"]
        assert newest["status"] in ("IN_PROGRESS", "SUCCESSFUL"), newest

        (repository,) = ecr.describe_repositories()["repositories"]
        assert repository["repositoryName"] == "test-repos"
        images = ecr.describe_images(repositoryName="test-repos")["imageDetails"]
        assert any(image.endswith(detail["imageDigest"]) for detail in images), images

        (balancer,) = elbv2.describe_load_balancers()["LoadBalancers"]
        (listener,) = elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        rules = elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
        (group,) = elbv2.describe_target_groups()["TargetGroups"]
        health = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        assert any(target["TargetHealth"]["State"] == "healthy" for target in health), health
        logs.describe_log_groups()
        identity = sts.get_caller_identity()
        print(f"boto3 read cluster, service, {len(described)} tasks, {len(images)} images, {len(rules)} rules as {identity['Arn']}")
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            sys.exit("shipway try did not stop within 60 s of Ctrl-C")


main()
