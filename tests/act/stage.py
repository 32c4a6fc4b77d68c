"""What the runs are played on: a repository with commits, `shipway sandbox` with a world, a release folder on loopback.

Knows: how to lay them out, and how to ask the world afterwards. Does not know: workflows.
"""

import contextlib
import functools
import http.server
import itertools
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import boto3
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "fidelity"))
from served import free_port, sandbox  # noqa: E402  (the one way to serve a sandbox)

REGION, ACCOUNT, CLUSTER, SERVICE = "eu-west-1", "111122223333", "prod", "web"
NAME, REPOSITORY_ID = "octo-org/web", 700100200


class Site:
    """A repository as a team has it: a static server, a page, a Dockerfile. Each commit is the merge of a pull request."""

    def __init__(self, directory):
        self.directory = Path(directory)
        (self.directory / "site").mkdir(parents=True)
        subprocess.run(
            [os.environ.get("RUSTC", "rustc"), "--edition", "2024", "-C", "target-feature=+crt-static", "-O", "-C", "strip=symbols",
             "-o", self.directory / "server", ROOT / "page" / "server.rs"],
            check=True,
        )
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "origin", f"https://github.com/{NAME}")

    def git(self, *words):
        identity = ["-c", "user.name=octocat", "-c", "user.email=octocat@users.noreply.github.com", "-c", "commit.gpgsign=false"]
        return subprocess.check_output(["git", *identity, *words], cwd=self.directory, text=True).strip()

    def commit(self, text, *, crash_after=None, files=None):
        (self.directory / "site" / "index.html").write_text(text + "\n")
        crash = [] if crash_after is None else [f"ENV PAGE_CRASH_AFTER={crash_after}"]
        lines = ["FROM scratch", "COPY server /server", "COPY site /site", *crash, "EXPOSE 80", 'ENTRYPOINT ["/server"]']
        (self.directory / "Dockerfile").write_text("\n".join(lines) + "\n")
        (self.directory / ".dockerignore").write_text(".git\n.github\n")
        for path, content in (files or {}).items():
            (self.directory / path).parent.mkdir(parents=True, exist_ok=True)
            (self.directory / path).write_text(content)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", text)
        return self.git("rev-parse", "HEAD")

    def at(self, commit):
        """Main is at this commit, as on the day it was pushed."""
        self.git("reset", "-q", "--hard", commit)


def pull_request(number, sha, merged):
    pull = {"number": number, "head-sha": sha, "head-ref": f"change-{number}", "title": f"Change {number}"}
    return pull | ({"closed": True, "merged": True, "merge-commit-sha": sha} if merged else {})


# The commits that the recorded payloads are about: of a push, a pull request, a fork's, a merge queue's.
RECORDED = {
    "push": "2" * 40, "pull_request": "4f2a9c1d" * 5, "pull_request.fork": "6" * 40, "pull_request_target.fork": "6" * 40,
    "merge_group": "8" * 40,
}


# What a comment's payload calls it, and what the first comment of a world is called.
COMMENT, FIRST_COMMENT = "2900000100", "2900000001"


def event(name, sha):
    """The payload of tests/data/events, about our commit where it is about one."""
    text = (ROOT / "tests" / "data" / "events" / f"{name}.json").read_text().replace(COMMENT, FIRST_COMMENT)
    recorded = RECORDED.get(name, "")
    if recorded not in text:
        raise SystemExit(f"tests/data/events/{name}.json is about another commit than {recorded}")
    return json.loads(text.replace(recorded, sha) if recorded else text)


class World:
    """A sandbox that is being served, and how to ask it."""

    def __init__(self, variables, addresses):
        self.exports, self.addresses = variables, addresses
        self.github, self.token = variables["GITHUB_API_URL"], variables["GITHUB_TOKEN"]
        self.ecs, self.ecr = self.client("ecs"), self.client("ecr")

    def client(self, name):
        return boto3.client(
            name, endpoint_url=self.exports["AWS_ENDPOINT_URL"], region_name=REGION,
            aws_access_key_id=self.exports["AWS_ACCESS_KEY_ID"], aws_secret_access_key=self.exports["AWS_SECRET_ACCESS_KEY"],
        )

    @property
    def address(self):
        """Where production's load balancer listens."""
        return self.addresses["web-alb"]

    def variables(self, run_id):
        """For a step: what GitHub's runner would set and act cannot know. No keys: the role is assumed by OIDC."""
        wanted = ("AWS_ENDPOINT_URL", "GITHUB_API_URL", "GITHUB_GRAPHQL_URL", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
        return {name: self.exports[name] for name in wanted if name in self.exports} | {
            "AWS_EC2_METADATA_DISABLED": "true", "GITHUB_REPOSITORY_ID": str(REPOSITORY_ID), "GITHUB_RUN_ID": str(run_id),
        }

    def secrets(self):
        return {name: self.exports[name] for name in ("GITHUB_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN") if name in self.exports}

    def get(self, path):
        request = urllib.request.Request(f"{self.github}/repos/{NAME}{path}", headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def comments(self, number):
        return [comment["body"] for comment in self.get(f"/issues/{number}/comments")]

    def deployments(self):
        """(commit, environment, states from first to last) of each, the oldest first; a state may be told in several phases."""
        return [
            (d["sha"], d["environment"], [
                state for state, _ in itertools.groupby(s["state"] for s in reversed(self.get(f"/deployments/{d['id']}/statuses")))
            ])
            for d in reversed(self.get("/deployments"))
        ]

    def services(self, cluster):
        """Names of those that are not gone."""
        arns = self.ecs.list_services(cluster=cluster)["serviceArns"]
        return sorted(arn.rsplit("/", 1)[1] for arn in arns)

    def reactions(self, number):
        """To the comments on a pull request, as GitHub counts them."""
        counts = [comment.get("reactions", {}) for comment in self.get(f"/issues/{number}/comments")]
        return sorted({name for given in counts for name, count in given.items() if isinstance(count, int) and count and name != "total_count"})

    def service(self, cluster=CLUSTER):
        return self.ecs.describe_services(cluster=cluster, services=[SERVICE])["services"][0]

    def counts(self, cluster):
        """Desired count of each service, and what its tags hold of ours."""
        arns = self.ecs.list_services(cluster=cluster)["serviceArns"]
        services = self.ecs.describe_services(cluster=cluster, services=arns, include=["TAGS"])["services"]
        tags = {t["key"] for s in services for t in s.get("tags", []) if t["key"] == "shipway:scale"}
        return {s["serviceName"]: s["desiredCount"] for s in services}, tags

    def image(self, cluster=CLUSTER):
        """What the service is told to run."""
        arn = self.service(cluster)["taskDefinition"]
        return self.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["containerDefinitions"][0]["image"]

    def revisions(self):
        return self.ecs.list_task_definitions()["taskDefinitionArns"]

    def tags(self, repository="web"):
        return {tag for i in self.ecr.describe_images(repositoryName=repository)["imageDetails"] for tag in i.get("imageTags", [])}


@contextlib.contextmanager
def world(work, base, **github):
    """A served world: `worlds/<base>.yml`, with what is said of GitHub, and a load balancer that listens if its tasks are real."""
    file = yaml.safe_load((HERE / "worlds" / f"{base}.yml").read_text())
    file.setdefault("github", {}).update(github)
    addresses = {}
    if file.get("real-tasks"):
        for balancer in file["load-balancers"]:
            port = balancer["listeners"][0]["port"] = free_port()
            addresses[balancer["name"]] = f"http://127.0.0.1:{port}"
        file["seed"] = time.time_ns() // 1_000_000  # names of one run's tasks are not those of another's
    path = Path(work) / f"world-{base}-{time.monotonic_ns()}.yml"
    path.write_text(yaml.safe_dump(file))
    with sandbox(path) as variables:
        yield World(variables, addresses)


def visit(address, host=None):
    """What a visitor gets; of the host that is named, as behind a wildcard of DNS."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers={"Host": host} if host else {}), timeout=5) as page:
            return page.read().decode().strip()
    except OSError as error:
        return f"no answer: {error}"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        self.server.asked.append(self.path)


@contextlib.contextmanager
def served(folder):
    """A folder over loopback: its address, and the paths that were asked for."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
