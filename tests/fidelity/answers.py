"""boto3 asks `shipway sandbox` for everything it answers: each operation, its pages, its refusals, and its trouble.

Knows: which operations there are, and one way to be refused by each. What the answers look like is not checked here: they
are recorded, and held to AWS's models afterwards. boto3's own parsers must take them, though.
"""

import json
import os
import pathlib
import tempfile
import time
import urllib.request

import boto3
import served
from botocore.config import Config
from botocore.exceptions import ClientError

# One operation of each service meets every kind of trouble, in this order; the codes are AWS's, by protocol.
TROUBLED = {"ecs": "ListClusters", "ecr": "DescribeRepositories", "logs": "DescribeLogGroups"}
TROUBLED |= {"elasticloadbalancing": "DescribeLoadBalancers", "sts": "GetCallerIdentity"}
TROUBLED |= {"application-autoscaling": "DescribeScalableTargets", "ssm": "GetParameter"}
# What an operation must be told even to be troubled.
TOLD = {"DescribeScalableTargets": {"ServiceNamespace": "ecs"}, "GetParameter": {"Name": "/a"}}
EFFECTS = ("throttle", "internal-error", "unavailable", "expired-token", "denied")
WORLD = {
    "past": "1h",
    "clusters": ["prod"],
    "repositories": [
        {"name": "web", "images": [{"tags": [v], "labels": {"v": v}} for v in ("v1", "v2", "v3")]},
        {"name": "fixed", "mutability": "IMMUTABLE", "images": [{"tags": ["v1"]}]},
        {"name": "mixed", "mutability": "IMMUTABLE_WITH_EXCLUSION", "exclusion-filters": ["dev*"]},
    ],
    "target-groups": [{"name": "web"}],
    "load-balancers": [{"name": "web-alb", "listeners": [{"port": 80, "forward": "web"}]}],
    "services": [
        {"name": "web", "cluster": "prod", "desired": 2, "image": "ecr:web:v1", "port": 80, "target-group": "web",
         "log-group": "/ecs/web", "breaker": {"enable": True, "rollback": True}, "tags": {"team": "a"}},
        {"name": "worker", "cluster": "prod", "desired": 1, "image": "ecr:web:v1", "log-group": "/ecs/worker"},
        {"name": "daemon", "cluster": "night", "image": "ecr:web:v1", "launch-type": "EC2",
         "service": {"schedulingStrategy": "DAEMON"}},
        {"name": "blue", "cluster": "night", "desired": 1, "image": "ecr:web:v1",
         "service": {"deploymentController": {"type": "CODE_DEPLOY"}}},
        {"name": "old", "cluster": "night", "desired": 1, "image": "ecr:web:v1", "short-arn": True},
        {"name": "scaled", "cluster": "night", "desired": 2, "image": "ecr:web:v1",
         "scalable-target": {"min": 1, "max": 4, "policies": ["cpu", "requests", "step"],
                             "scheduled-actions": {"day": {"schedule": "cron(0 8 * * ? *)", "min": 2}}}},
    ],
    "behaviours": [{"logs": ["listening on 80", "GET / 200"]}],
    "iam": {"roles": [{"name": "deploy"}]},
    "github": {"permissions": {"id-token": "write"}},
    "trouble": {"rules": [
        {"service": service, "operation": operation, "do": effect, "times": 1}
        for service, operation in TROUBLED.items() for effect in EFFECTS
    ]},
}  # fmt: skip
ONCE = Config(retries={"total_max_attempts": 1})
PLACE = "ap-northeast-1:123456789012"
NOWHERE = f"arn:aws:elasticloadbalancing:{PLACE}"


def refused(call, **arguments):
    """The code of a refusal; an answer is a failure of this script."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"{call.__name__} was not refused")


def expect(code, call, **arguments):
    said = refused(call, **arguments)
    assert said == code, f"{call.__name__} says {said}, not {code}"


def troubles(clients):
    for service, operation in TROUBLED.items():
        client = clients[service]
        name = "".join("_" + c.lower() if c.isupper() else c for c in operation).lstrip("_")
        codes = [refused(getattr(client, name), **TOLD.get(operation, {})) for _ in EFFECTS]
        assert len(set(codes)) == len(EFFECTS), (service, codes)


def pages(client, operation, size, least, **arguments):
    """Every item, in pages of `size`; at least so many pages."""
    paginator = client.get_paginator(operation)
    found = list(paginator.paginate(PaginationConfig={"PageSize": size}, **arguments))
    assert len(found) >= least, f"{operation} came in {len(found)} pages"
    return found


def ecs(client):
    client.create_cluster(clusterName="other", tags=[{"key": "team", "value": "a"}])
    pages(client, "list_clusters", 1, 2)
    client.describe_clusters(clusters=["prod", "nowhere"], include=["TAGS", "SETTINGS", "STATISTICS"])
    expect("ClusterNotFoundException", client.list_services, cluster="nowhere")
    pages(client, "list_services", 1, 2, cluster="prod")
    answer = client.describe_services(cluster="prod", services=["web", "nowhere"], include=["TAGS"])
    (service,) = answer["services"]
    assert answer["failures"][0]["reason"] == "MISSING"
    container = {"name": "web", "image": "nginx", "essential": True, "portMappings": [{"containerPort": 80}]}
    fargate = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}
    definition = client.register_task_definition(
        family="web", containerDefinitions=[container], tags=[{"key": "a", "value": "b"}], **fargate
    )["taskDefinition"]["taskDefinitionArn"]
    expect("ClientException", client.register_task_definition, family="web", containerDefinitions=[])
    client.describe_task_definition(taskDefinition="web", include=["TAGS"])
    expect("ClientException", client.describe_task_definition, taskDefinition="web:99")
    pages(client, "list_task_definitions", 1, 2, familyPrefix="web")
    spare = client.register_task_definition(family="spare", containerDefinitions=[container], **fargate)
    client.deregister_task_definition(taskDefinition=spare["taskDefinition"]["taskDefinitionArn"])
    expect("ClientException", client.deregister_task_definition, taskDefinition="spare:99")

    web = {"cluster": "prod", "service": "web"}
    tasks = [
        arn for page in pages(client, "list_tasks", 1, 2, cluster="prod", serviceName="web") for arn in page["taskArns"]
    ]
    gone = tasks[0][:-32] + "0" * 32
    assert client.describe_tasks(cluster="prod", tasks=[*tasks, gone], include=["TAGS"])["failures"]
    client.stop_task(cluster="prod", task=tasks[0], reason="by hand")
    expect("InvalidParameterException", client.stop_task, cluster="prod", task=gone)
    client.list_tasks(cluster="prod", desiredStatus="STOPPED")

    arn = service["serviceArn"]
    client.tag_resource(resourceArn=arn, tags=[{"key": "shipway:state", "value": "x"}])
    assert len(client.list_tags_for_resource(resourceArn=arn)["tags"]) == 2
    client.untag_resource(resourceArn=arn, tagKeys=["shipway:state"])
    expect("InvalidParameterException", client.list_tags_for_resource, resourceArn=arn + "x")

    updated = client.update_service(taskDefinition=definition, **web)["service"]
    assert len(updated["deployments"]) == 2, updated
    expect("ServiceNotFoundException", client.update_service, cluster="prod", service="nowhere")
    expect("ClientException", client.update_service, taskDefinition="web:99", **web)
    briefs = client.list_service_deployments(maxResults=1, **web)["serviceDeployments"]
    client.list_service_deployments(status=["SUCCESSFUL"], **web)
    expect("ServiceNotFoundException", client.list_service_deployments, cluster="prod", service="nowhere")
    newest = briefs[0]["serviceDeploymentArn"]
    lost = newest[:-8] + "zzzzzzzz"
    described = client.describe_service_deployments(serviceDeploymentArns=[newest, lost])
    assert described["failures"], described
    (shown,) = described["serviceDeployments"]
    revisions = [shown["targetServiceRevision"]["arn"], shown["targetServiceRevision"]["arn"] + "9"]
    client.describe_service_revisions(serviceRevisionArns=revisions)
    client.stop_service_deployment(serviceDeploymentArn=newest, stopType="ROLLBACK")
    refused(client.stop_service_deployment, serviceDeploymentArn=lost)
    client.describe_service_deployments(serviceDeploymentArns=[newest])

    expect("InvalidParameterException", client.delete_service, **web)
    client.delete_service(force=True, **web)
    refused(client.update_service, desiredCount=1, **web)
    expect("ServiceNotFoundException", client.delete_service, cluster="prod", service="nowhere")
    expect("InvalidParameterException", client.create_service, cluster="prod", serviceName="worker",
           taskDefinition=definition, desiredCount=1)  # fmt: skip


def night(client):
    """Services that scaling to zero meets: other controllers, daemons, old ARNs, limits of tags."""
    names = ["daemon", "blue", "old"]
    daemon, blue, old = client.describe_services(cluster="night", services=names, include=["TAGS"])["services"]
    assert (daemon["schedulingStrategy"], daemon["desiredCount"]) == ("DAEMON", 2), daemon
    expect("InvalidParameterException", client.update_service, cluster="night", service="daemon", desiredCount=0)
    assert not blue["deployments"] and blue["taskSets"][0]["status"] == "PRIMARY", blue
    expect("InvalidParameterException", client.update_service, cluster="night", service="blue", forceNewDeployment=True)
    client.update_service(cluster="night", service="blue", desiredCount=0)
    assert old["serviceArn"].endswith(":service/old"), old
    tag = {"resourceArn": old["serviceArn"], "tags": [{"key": "a", "value": "b"}]}
    expect("InvalidParameterException", client.tag_resource, **tag)
    tag |= {"resourceArn": blue["serviceArn"], "tags": [{"key": "aws:a", "value": "b"}]}
    expect("InvalidParameterException", client.tag_resource, **tag)
    many = [{"key": f"key-{n}", "value": "v"} for n in range(50)]
    client.tag_resource(resourceArn=blue["serviceArn"], tags=many)
    expect("InvalidParameterException", client.tag_resource, resourceArn=blue["serviceArn"], tags=[{"key": "z", "value": ""}])


def autoscaling(client):
    target = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
    scaled, worker = (target | {"ResourceId": f"service/{name}"} for name in ("night/scaled", "prod/worker"))
    client.register_scalable_target(MinCapacity=1, MaxCapacity=2, **worker)
    expect("ValidationException", client.register_scalable_target, MinCapacity=3, **worker)
    expect("ValidationException", client.register_scalable_target, MinCapacity=0, MaxCapacity=1,
           **(worker | {"ResourceId": "service/prod/nowhere"}))  # fmt: skip
    pages(client, "describe_scalable_targets", 1, 2, ServiceNamespace="ecs")
    suspended = {f"{what}Suspended": True for what in ("DynamicScalingIn", "DynamicScalingOut", "ScheduledScaling")}
    client.register_scalable_target(MinCapacity=0, SuspendedState=suspended, **scaled)
    (shown,) = client.describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=[scaled["ResourceId"]]
    )["ScalableTargets"]
    assert (shown["MinCapacity"], shown["MaxCapacity"], shown["SuspendedState"]) == (0, 4, suspended), shown
    pages(client, "describe_scaling_policies", 1, 3, ServiceNamespace="ecs")
    client.put_scheduled_action(ScheduledActionName="later", Schedule="at(2099-01-01T00:00:00)",
                                ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 2}, StartTime=time.time(), **scaled)  # fmt: skip
    pages(client, "describe_scheduled_actions", 1, 2, ServiceNamespace="ecs")
    expect("ValidationException", client.put_scheduled_action, ScheduledActionName="x", Schedule="soon", **scaled)
    client.delete_scheduled_action(ScheduledActionName="later", **scaled)
    expect("ObjectNotFoundException", client.delete_scheduled_action, ScheduledActionName="later", **scaled)
    client.delete_scaling_policy(PolicyName="step", **scaled)
    expect("ObjectNotFoundException", client.delete_scaling_policy, PolicyName="step", **scaled)
    client.register_scalable_target(MinCapacity=3, **scaled)
    (done,) = client.describe_scaling_activities(**scaled)["ScalingActivities"]
    assert done["Description"] == "Setting desired count to 3.", done
    client.deregister_scalable_target(**worker)
    expect("ObjectNotFoundException", client.deregister_scalable_target, **worker)
    expect("InvalidNextTokenException", client.describe_scalable_targets, ServiceNamespace="ecs", NextToken="x")


def ssm(client):
    kept = {"Name": "/shipway/prod/web", "Value": "v1/d=3"}
    client.put_parameter(Type="String", **kept)
    expect("ParameterAlreadyExists", client.put_parameter, Type="String", **kept)
    assert client.put_parameter(Overwrite=True, **kept)["Version"] == 2
    expect("ValidationException", client.put_parameter, Name="/aws/x", Value="v", Type="String")
    assert client.get_parameter(Name=kept["Name"])["Parameter"]["Value"] == kept["Value"]
    expect("ParameterNotFound", client.get_parameter, Name="/nowhere")
    client.put_parameter(Name="/shipway/prod/worker", Value="v1/d=1", Type="String")
    pages(client, "get_parameters_by_path", 1, 2, Path="/shipway", Recursive=True)
    got = client.get_parameters(Names=[kept["Name"], "/nowhere"])
    assert len(got["Parameters"]) == len(got["InvalidParameters"]) == 1, got
    client.delete_parameter(Name=kept["Name"])
    expect("ParameterNotFound", client.delete_parameter, Name=kept["Name"])
    got = client.delete_parameters(Names=["/shipway/prod/worker", "/nowhere"])
    assert len(got["DeletedParameters"]) == len(got["InvalidParameters"]) == 1, got


def ecr(client):
    pages(client, "describe_repositories", 1, 3)
    created = client.create_repository(
        repositoryName="new", tags=[{"Key": "a", "Value": "b"}], imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True}, encryptionConfiguration={"encryptionType": "AES256"},
    )["repository"]  # fmt: skip
    expect("RepositoryAlreadyExistsException", client.create_repository, repositoryName="new")
    client.tag_resource(resourceArn=created["repositoryArn"], tags=[{"Key": "c", "Value": "d"}])
    assert len(client.list_tags_for_resource(resourceArn=created["repositoryArn"])["tags"]) == 2
    expect("RepositoryNotFoundException", client.describe_repositories, repositoryNames=["nowhere"])
    expect("RepositoryNotFoundException", client.describe_images, repositoryName="nowhere")
    pages(client, "describe_images", 1, 3, repositoryName="web")
    pages(client, "list_images", 1, 3, repositoryName="web")
    expect("ImageNotFoundException", client.describe_images, repositoryName="web", imageIds=[{"imageTag": "v9"}])
    ids = [{"imageTag": "v1"}, {"imageTag": "v9"}]
    got = client.batch_get_image(repositoryName="web", imageIds=ids)
    assert len(got["images"]) == len(got["failures"]) == 1, got
    manifest = got["images"][0]["imageManifest"]
    client.put_image(repositoryName="web", imageManifest=manifest, imageTag="again")
    expect("ImageAlreadyExistsException", client.put_image, repositoryName="web", imageManifest=manifest, imageTag="again")
    fixed = client.batch_get_image(repositoryName="fixed", imageIds=[{"imageTag": "v1"}])["images"][0]["imageManifest"]
    other = json.dumps(json.loads(fixed) | {"annotations": {"a": "b"}})
    expect("ImageTagAlreadyExistsException", client.put_image, repositoryName="fixed", imageManifest=other, imageTag="v1")
    read = json.loads(manifest)
    layer = (read.get("layers") or [read["config"]])[0]["digest"]
    client.get_download_url_for_layer(repositoryName="web", layerDigest=layer)
    refused(client.get_download_url_for_layer, repositoryName="web", layerDigest="sha256:" + "0" * 64)
    client.batch_delete_image(repositoryName="web", imageIds=[{"imageTag": "v3"}, {"imageTag": "v9"}])
    client.get_authorization_token()


def elbv2(client):
    (balancer,) = client.describe_load_balancers(Names=["web-alb"])["LoadBalancers"]
    second = client.create_load_balancer(Name="second", Subnets=["subnet-0a1b2c3d4e5f60718", "subnet-0a1b2c3d4e5f60719"])
    second = second["LoadBalancers"][0]["LoadBalancerArn"]
    pages(client, "describe_load_balancers", 1, 2)
    expect("DuplicateLoadBalancerName", client.create_load_balancer, Name="second", Subnets=["subnet-0a1b2c3d4e5f60718"])
    expect("LoadBalancerNotFound", client.describe_load_balancers, Names=["nowhere"])
    new = {"Name": "preview-7", "Protocol": "HTTP", "Port": 80, "VpcId": balancer["VpcId"], "TargetType": "ip"}
    group = client.create_target_group(Tags=[{"Key": "shipway:preview", "Value": "7"}], **new)["TargetGroups"][0]
    group = group["TargetGroupArn"]
    expect("DuplicateTargetGroupName", client.create_target_group, **(new | {"Port": 81}))
    expect("TargetGroupNotFound", client.describe_target_groups, Names=["nowhere"])
    pages(client, "describe_target_groups", 1, 2)
    client.modify_target_group_attributes(
        TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}]
    )
    client.describe_target_group_attributes(TargetGroupArn=group)
    expect("ValidationError", client.modify_target_group_attributes, TargetGroupArn=group,
           Attributes=[{"Key": "nonsense", "Value": "5"}])  # fmt: skip
    targets = [{"Id": "10.0.9.9", "Port": 80}]
    client.register_targets(TargetGroupArn=group, Targets=targets)
    client.describe_target_health(TargetGroupArn=group, Targets=[*targets, {"Id": "10.0.9.8", "Port": 80}])
    client.deregister_targets(TargetGroupArn=group, Targets=targets)
    expect("TargetGroupNotFound", client.describe_target_health, TargetGroupArn=f"{NOWHERE}:targetgroup/x/0123456789abcdef")
    (web,) = client.describe_target_groups(Names=["web"])["TargetGroups"]
    health = client.describe_target_health(TargetGroupArn=web["TargetGroupArn"])["TargetHealthDescriptions"]
    assert {target["TargetHealth"]["State"] for target in health} == {"healthy"}, health

    (listener,) = client.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    listener = listener["ListenerArn"]
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    host = [{"Field": "host-header", "HostHeaderConfig": {"Values": ["pr-7.example.com"]}}]
    rule = {"ListenerArn": listener, "Conditions": host, "Actions": forward}
    made = client.create_rule(Priority=7, Tags=[{"Key": "shipway:preview", "Value": "7"}], **rule)["Rules"][0]["RuleArn"]
    expect("PriorityInUse", client.create_rule, Priority=7, **rule)
    every = [
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a/*"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-A", "Values": ["b"]}},
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
    ]
    fixed = {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": "later"}
    client.create_rule(ListenerArn=listener, Priority=8, Conditions=every,
                       Actions=[{"Type": "fixed-response", "FixedResponseConfig": fixed, "Order": 1}])  # fmt: skip
    redirect = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    client.create_rule(ListenerArn=listener, Priority=9, Conditions=[
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "a", "Value": "b"}]}}],
        Actions=[{"Type": "redirect", "RedirectConfig": redirect}])  # fmt: skip
    weighted = {"TargetGroups": [{"TargetGroupArn": group, "Weight": 1}, {"TargetGroupArn": web["TargetGroupArn"], "Weight": 9}],
                "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60}}  # fmt: skip
    client.modify_rule(RuleArn=made, Actions=[{"Type": "forward", "ForwardConfig": weighted}])
    pages(client, "describe_rules", 1, 4, ListenerArn=listener)
    (default,) = [r for r in client.describe_rules(ListenerArn=listener)["Rules"] if r["IsDefault"]]
    expect("OperationNotPermitted", client.delete_rule, RuleArn=default["RuleArn"])
    expect("ResourceInUse", client.delete_target_group, TargetGroupArn=group)
    client.add_tags(ResourceArns=[group], Tags=[{"Key": "a", "Value": "b"}])
    client.describe_tags(ResourceArns=[group, made])
    client.remove_tags(ResourceArns=[group], TagKeys=["a"])
    client.delete_rule(RuleArn=made)
    expect("RuleNotFound", client.delete_rule, RuleArn=made)
    client.delete_target_group(TargetGroupArn=group)
    extra = client.create_listener(LoadBalancerArn=second, Protocol="HTTP", Port=81, DefaultActions=[
        {"Type": "fixed-response", "FixedResponseConfig": fixed}])["Listeners"][0]["ListenerArn"]  # fmt: skip
    expect("ListenerNotFound", client.describe_listeners, ListenerArns=[extra + "0"])
    client.delete_listener(ListenerArn=extra)
    client.delete_load_balancer(LoadBalancerArn=second)


def logs(client):
    group = client.describe_log_groups(logGroupNamePrefix="/ecs/")["logGroups"][0]["logGroupName"]
    pages(client, "describe_log_groups", 1, 2)
    streams = client.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"]
    client.filter_log_events(logGroupName=group, limit=10)
    for stream in streams[:1]:
        client.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
    expect("ResourceNotFoundException", client.get_log_events, logGroupName=group, logStreamName="nowhere")
    expect("ResourceNotFoundException", client.describe_log_streams, logGroupName="/nowhere")


def sts(client):
    client.get_caller_identity()
    url = os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"] + "&audience=sts.amazonaws.com"
    bearer = {"Authorization": f"Bearer {os.environ['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
    with urllib.request.urlopen(urllib.request.Request(url, headers=bearer)) as answer:
        token = json.load(answer)["value"]
    role = {"RoleArn": "arn:aws:iam::123456789012:role/deploy", "RoleSessionName": "run-1"}
    assumed = client.assume_role_with_web_identity(WebIdentityToken=token, DurationSeconds=900, **role)
    assert assumed["AssumedRoleUser"]["Arn"].endswith("assumed-role/deploy/run-1"), assumed
    expect("InvalidIdentityToken", client.assume_role_with_web_identity, WebIdentityToken="nonsense", **role)
    refused(client.assume_role_with_web_identity, WebIdentityToken=token, **(role | {"RoleArn": role["RoleArn"] + "x"}))


def main():
    with tempfile.TemporaryDirectory() as folder:
        world = pathlib.Path(folder) / "world.yml"
        # JSON is YAML.
        world.write_text(json.dumps(WORLD))
        with served.sandbox(world) as variables:
            os.environ.update(variables)
            names = ("ecs", "ecr", "elbv2", "logs", "sts", "application-autoscaling", "ssm")
            clients = {name: boto3.client(name, config=ONCE) for name in names}
            clients["elasticloadbalancing"] = clients["elbv2"]
            clients["autoscaling"] = clients["application-autoscaling"]
            clients["night"] = clients["ecs"]
            troubles(clients)
            for ask in (sts, ecr, elbv2, logs, night, autoscaling, ssm, ecs):
                ask(clients[ask.__name__])
    print("answers: boto3 asked for every operation, its pages, its refusals and its trouble")


if __name__ == "__main__":
    main()
