"""The stories: the README's workflow, the examples and every action, run by act against a served sandbox.

Each run is held to what a user relies on: the exit code, the step's outputs, the job summary, annotations, the comment, GitHub
Deployments, what the world then runs, and that no secret is anywhere in the log.
"""

import json
import os
import re
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import yaml

from checks import Checks
from release import Release
from runner import Act, children, for_act
from stage import HERE, ROOT, Site, event, pull_request, visit, world

checks = Checks()
RUN = 16_839_201_000


def fixture(name):
    return (HERE / "workflows" / f"{name}.yml").read_text()


def readme_workflow():
    """The README's, word for word: its one block that uses the action."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    ours = [block for block in blocks if "uses: octo-org/shipway@" in block]
    checks.equal(len(ours), 1, "the README's workflows")
    return ours[0]


def examples():
    return {path.name: path.read_text() for path in sorted((ROOT / "examples" / "workflows").glob("*.yml"))}


def snapshot():
    """What act does not know is taken out of the workflows, and every such line stands in stripped.txt: GitHub alone runs it."""
    print("what act cannot run of the README's and the examples' workflows")
    found = [
        f"{name}: {line}"
        for name, text in {"README.md": readme_workflow(), **examples()}.items() for line in for_act(text)[1]
    ]
    path = HERE / "stripped.txt"
    if os.environ.get("SHIPWAY_BLESS") == "1":
        path.write_text("".join(line + "\n" for line in found))
    listed = path.read_text().splitlines()
    checks.check(listed == found, "it is what stripped.txt lists", "\n".join(
        [f"        not in stripped.txt:  {line}" for line in found if line not in listed]
        + [f"        not stripped any more: {line}" for line in listed if line not in found]))


class Stage:
    """Where runs take place: one act, one repository, one world at a time."""

    def __init__(self, act, site, release):
        self.act, self.site, self.release, self.runs = act, site, release, 0

    def run(self, laid_out, workflow, commit, name="push", with_token=True, payload=None, **more):
        """`name` is a payload's: `pull_request.fork` is a `pull_request`. Without a token: as GitHub runs a fork's code."""
        self.runs += 1
        self.site.at(commit)
        variables = laid_out.variables(RUN + self.runs)
        if not with_token:
            variables = {name: value for name, value in variables.items() if not name.startswith("ACTIONS_ID_TOKEN_")}
        run = self.act.start(
            workflow, repository=self.site.directory, event_name=name.split(".")[0], event=payload or event(name, commit),
            variables=variables, token=laid_out.token, **more,
        )
        log = run.everything()
        leaked = [secret for secret, value in laid_out.secrets().items() if value in log]
        checks.equal(leaked, [], "tokens in the log")
        return run


def ended(run, step, exit_code, status, what):
    """How act, the step and Shipway say it ended. act itself knows red and green."""
    found = (run.exit_code, run.step_exit(step), run.outputs(step).get("deployment-status"))
    checks.equal(found, (min(exit_code, 1), exit_code, status), f"{what}: act, exit code, status", run.tail())
    return run.outputs(step)


def told(run, step, verdict, comments):
    """The same verdict on top of summary and comment; one comment, however often it was edited."""
    summary = run.summary(step)
    checks.check(re.match(rf"# {verdict}", summary), f"the summary begins: {verdict}", summary)
    checks.equal(len(comments), 1, "comments on the pull request")
    checks.check(comments and re.search(rf"^### {verdict}", comments[0], re.MULTILINE), f"the comment says: {verdict}", "\n".join(comments))
    # Groups do not nest and none is left open, or the rest of the job's log is folded away.
    open_groups = 0
    for record in run.of(step):
        open_groups += {"group": 1, "endgroup": -1}.get(record.get("command"), 0)
        if open_groups not in (0, 1):
            break
    checks.equal(open_groups, 0, "groups left open")


def first(stage, laid_out, commit):
    print("the first deploy, by the root action, and a later job that uses its output")
    run = stage.run(laid_out, fixture("first"), commit)
    outputs = ended(run, "shipway", 0, "serving", "first")
    checks.equal(outputs.get("url"), laid_out.address, "the URL")
    checks.equal(visit(laid_out.address), "first page", "a visitor sees it")
    checks.has(run.said("after"), f"serving at {laid_out.address}", "another job gets it")
    return outputs


def readme(stage, laid_out, commit, before):
    print("the README's workflow, word for word")
    text = readme_workflow()
    run = stage.run(laid_out, text, commit)
    step = step_of(text)
    outputs = ended(run, step, 0, "serving", "README")
    checks.equal(outputs.get("image-tag"), commit, "the tag is the commit")
    checks.check(commit in laid_out.tags(), "it is in the repository")
    checks.equal(outputs.get("previous-task-definition-arn"), before["task-definition-arn"], "it knows the previous revision")
    checks.equal(laid_out.service()["taskDefinition"], outputs.get("task-definition-arn"), "the service runs the new revision")
    checks.equal(laid_out.image(), outputs.get("image"), "by digest")
    checks.equal(visit(laid_out.address), "second page", "a visitor sees it")
    told(run, step, r"✅ web \(production\) is serving", laid_out.comments(12))
    checks.has(run.summary(step), laid_out.address, "the summary has the URL")
    checks.equal([a for a in run.annotations(step) if a[0] != "notice"], [], "no annotation of trouble")
    checks.check("Building the image" in run.groups(step), "the log has groups", str(run.groups(step)))

    print("the same commit again, by the organisation's workflow of examples/")
    run = stage.run(laid_out, examples()["calls-reusable.yml"], commit)
    again = ended(run, "shipway", 0, "unchanged", "again")
    checks.equal(again.get("changed"), "false", "changed")
    checks.equal(again.get("task-definition-arn"), outputs["task-definition-arn"], "the revision")
    checks.equal(len(laid_out.comments(12)), 1, "comments on the pull request")
    return outputs


def promoted(stage, laid_out, commit, old):
    print("build once, promote: by the workflow of examples/")
    # Staging has been there for a while.
    before = stage.run(laid_out, fixture("first").replace("cluster: prod", "cluster: staging"), old)
    ended(before, "shipway", 0, "serving", "staging before")
    run = stage.run(laid_out, examples()["build-once-promote.yml"], commit)
    checks.equal(run.exit_code, 0, "act", run.tail())
    of_job = {job: run.in_job(job) for job in ("build", "staging", "production")}
    outputs = {job: part.outputs("shipway") for job, part in of_job.items()}
    checks.equal({o.get("deployment-status") for o in (outputs["staging"], outputs["production"])}, {"serving"}, "status of both")
    checks.equal((outputs["build"].get("changed"), outputs["build"].get("image-tag")), ("true", commit), "build pushes the commit")
    images = {outputs["build"].get("image"), laid_out.image("staging"), laid_out.image("prod")}
    checks.check(len(images) == 1 and "@sha256:" in images.pop(), "one image in staging and production", str(outputs))
    for job in ("staging", "production"):
        checks.check("Building the image" not in of_job[job].groups("shipway"), f"{job} builds nothing")
    checks.equal((visit(laid_out.addresses["web-staging-alb"]), visit(laid_out.address)), ("fifth page", "fifth page"), "visitors see it")
    checks.equal(len(laid_out.comments(15)), 2, "comments on the pull request: one for each environment")


def crash(stage, laid_out, commit, before):
    print("an image that crashes, by the workflow of examples/")
    text = examples()["deploy.yml"]
    run = stage.run(laid_out, text, commit)
    step = step_of(text)
    outputs = ended(run, step, 1, "rolled-back", "crash")
    checks.equal(outputs.get("failure-code"), "shipway::deploy::rolled_back", "failure-code")
    checks.equal((outputs.get("image-tag"), outputs.get("changed")), (commit, "true"), "outputs are there on failure")
    checks.equal(laid_out.service()["taskDefinition"], before["task-definition-arn"], "the service runs the revision of before")
    checks.equal(visit(laid_out.address), "second page", "a visitor sees the page of before")
    told(run, step, "❌ ", laid_out.comments(13))
    errors = [a for a in run.annotations(step) if a[0] == "error"]
    checks.check(errors and "rolled back" in " ".join(errors[0]), "the first annotation is the cause", str(run.annotations(step)))


def cancelled(stage, laid_out, commit, before):
    print("a run that is cancelled: the runner interrupts the step's first process")
    text, seen = examples()["deploy.yml"], {}

    def interrupt(act):
        below = [(pid, words) for pid, words in children(act.pid) if Path(words[0]).name == "shipway"]
        seen["words"] = [words for _, words in below]
        # Whoever is act's own child gets the signal: so `run.sh` and the step must have exec'ed.
        seen["direct"] = [pid for pid, _ in below if parent(pid) == act.pid]
        seen["at"] = time.monotonic()
        for pid in seen["direct"]:
            os.kill(pid, signal.SIGINT)

    run = stage.run(laid_out, text, commit, when=("service deployment", interrupt))
    took = time.monotonic() - seen.get("at", 0)
    step = step_of(text)
    checks.equal(len(seen.get("direct", [])), 1, "the binary is the step's first process", str(seen))
    outputs = ended(run, step, 130, "cancelled", "cancelled")
    checks.check(took < 5, f"it ended within 5 s ({took:.1f} s)")
    checks.check(outputs.get("service-deployment-arn", "").startswith("arn:aws:ecs:"), "outputs name what ECS goes on with", str(outputs))
    told(run, step, ".*cancelled", laid_out.comments(14))
    deadline = time.monotonic() + 90
    # One visit proves nothing: while the old page is healthy too, either may answer.
    pages = set()
    while pages != {"fourth page"} and time.monotonic() < deadline:
        time.sleep(0.5)
        pages = {visit(laid_out.address) for _ in range(8)}
    events = "\n".join("        | " + e["message"] for e in laid_out.service()["events"][:12])
    checks.equal(pages, {"fourth page"}, "ECS went on with it", events)


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def step_of(text):
    """The id of the one step that uses our action; act counts those without from 0."""
    found = [
        step.get("id", str(n))
        for job in yaml.safe_load(text)["jobs"].values() for n, step in enumerate(job.get("steps", []))
        if step.get("uses", "").startswith("octo-org/shipway")
    ]
    (step,) = found
    return step


def promote(stage, laid_out, commit):
    print("a pull request: an image that is there, GitHub's Deployment, lists over several lines")
    run = stage.run(laid_out, fixture("promote"), commit, "pull_request")
    outputs = ended(run, "shipway", 0, "serving", "promote")
    checks.equal(outputs.get("url"), "https://www.example.com", "the URL")
    told(run, "shipway", "✅ web is serving", laid_out.comments(7))
    checks.has(run.said("1"), "then success serving", "the next step")
    document = laid_out.ecs.describe_task_definition(taskDefinition=outputs["task-definition-arn"])["taskDefinition"]
    variables = {v["name"]: v["value"] for v in document["containerDefinitions"][0]["environment"]}
    wanted = {"GREETING": "good morning, octocat", "QUOTES": "\"double\" 'single' $HOME `id` {{ not }}"}
    checks.equal(variables, wanted, "what was written in the workflow is what the container gets")
    checks.equal(laid_out.deployments(), [(commit, "prod/web", ["in_progress", "success"])], "GitHub's Deployment and its states")
    checks.check(outputs.get("github-deployment-id", "").isdigit(), "github-deployment-id", str(outputs))

    print("the next one fails: there is no environment in the job, so GitHub's Deployment is ours to end")
    run = stage.run(laid_out, fixture("promote").replace("image: v2", "image: v1"), commit, "pull_request")
    ended(run, "shipway", 1, "rolled-back", "fails")
    checks.has(run.said("1"), "then failure rolled-back", "the next step")
    checks.equal(laid_out.deployments()[-1], (commit, "prod/web", ["in_progress", "failure"]), "GitHub's Deployment and its states")
    told(run, "shipway", "❌ ", laid_out.comments(7))
    before = f"| ✅ serving | `{commit[:7]}` |"
    checks.has(laid_out.comments(7)[0], before, "the comment remembers the one before")


def went_back(stage, laid_out, commit):
    print("back to what ran before the last deploy that completed: by the workflow of examples/")
    text = examples()["rollback.yml"]
    step, before = step_of(text), laid_out.service()["taskDefinition"]
    inputs = {"inputs": {"to": "", "allow-migration": "false"}}
    run = stage.run(laid_out, text, commit, "workflow_dispatch", payload=inputs)
    outputs = ended(run, step, 0, "serving", "rollback")
    checks.equal(outputs.get("previous-task-definition-arn"), before, "what it leaves")
    now = laid_out.service()["taskDefinition"]
    checks.equal((now, now.rsplit(":", 1)[-1]), (outputs.get("task-definition-arn"), "1"), "what the service runs")


def refused(stage, laid_out, commit):
    print("a role that is refused")
    before = laid_out.service()["taskDefinition"]
    run = stage.run(laid_out, fixture("refused"), commit, "pull_request")
    outputs = ended(run, "shipway", 4, "not-started", "refused")
    checks.equal(outputs.get("failure-code"), "shipway::credentials::role_refused", "failure-code")
    checks.has(run.said("1"), "then not-started shipway::credentials::role_refused", "the next step")
    checks.equal(laid_out.service()["taskDefinition"], before, "the service runs what it ran")
    told(run, "shipway", "❌ ", laid_out.comments(7))
    errors = [a for a in run.annotations("shipway") if a[0] == "error"]
    checks.check(errors and "repo:octo-org/web:pull_request" in errors[0][2], "the annotation tells the claims", str(run.annotations()))


def misspelt(stage, laid_out, commit):
    print("inputs that are wrong")
    run = stage.run(laid_out, fixture("misspelt"), commit)
    checks.equal((run.exit_code, run.step_exit("shipway")), (1, 2), "act, exit code", run.tail())
    words = " ".join(a[2] for a in run.annotations("shipway"))
    checks.has(run.said("shipway") + words, "comment", "it names what is wrong")


def planned(stage, laid_out, commit):
    print("what a pull request would change: by the workflow of examples/")
    before = (laid_out.service(), laid_out.tags(), laid_out.revisions())
    text = examples()["plan.yml"]
    run = stage.run(laid_out, text, commit, "pull_request")
    step = step_of(text)
    checks.equal((run.exit_code, run.step_exit(step)), (0, 0), "act, exit code", run.tail())
    checks.equal(run.outputs(step).get("changed"), "true", "changed")
    checks.equal(run.outputs(step).get("image-tag"), commit, "image-tag")
    checks.has(run.summary(step), "web", "the summary")
    after = (laid_out.service(), laid_out.tags(), laid_out.revisions())
    checks.check(before == after, "nothing was changed", f"{before}\n{after}")
    checks.equal(laid_out.comments(7), [], "comments on the pull request")

    run = stage.run(laid_out, text, commit, "pull_request.fork", with_token=False)
    checks.equal((run.exit_code, list(run.of(step))), (0, []), "a fork's is skipped", run.tail())


def night(stage, laid_out, commit):
    print("a night and its morning, by the workflow of examples/")
    text = examples()["night.yml"]
    step, before = step_of(text), laid_out.counts("staging")
    asleep = ({"api": 0, "worker": 0, "status-page": 1}, {"shipway:scale"})
    for what, name, payload, after in (
        ("only asked", "workflow_dispatch", {"inputs": {"to": "0", "dry-run": "true"}}, before),
        ("evening", "schedule", {"schedule": "23 20 * * 1-5"}, asleep),
        ("once more", "schedule", {"schedule": "23 20 * * 1-5"}, asleep),
        ("morning", "schedule", {"schedule": "41 6 * * 1-5"}, before),
    ):
        run = stage.run(laid_out, text, commit, name, payload=payload)
        outputs = run.outputs(step)
        checks.equal((run.exit_code, run.step_exit(step)), (0, 0), f"{what}: act, exit code", run.tail())
        checks.equal(laid_out.counts("staging"), after, f"{what}: desired counts and our tags")
        checks.equal(outputs.get("changed"), str(what in ("evening", "morning")).lower(), f"{what}: changed")
        acts = {s["service"]: s["state"] for s in json.loads(outputs.get("services", "[]"))}
        checks.equal(set(acts), {"api", "worker"}, f"{what}: services of the output", str(outputs))
        heading = {"only asked": "# 📋 2 services would be put to sleep", "evening": "# 💤 2 services are asleep",
                   "once more": "# ✅ 2 services were asleep already", "morning": "# ✅ 2 services are back"}[what]
        checks.has(run.summary(step), heading, f"{what}: the summary")


def previewed(stage, laid_out, commit, newer):
    print("a preview of a pull request, and of its next commit: by the workflow of examples/")
    text, commands = examples()["preview.yml"], examples()["preview-commands.yml"]
    step, host = step_of(text), "pr-7.preview.example.com"
    run = stage.run(laid_out, text, commit, "pull_request")
    outputs = ended(run, step, 0, "serving", "preview")
    address = laid_out.address.replace("127.0.0.1", host)
    checks.equal((outputs.get("preview-state"), outputs.get("url")), ("ready", address), "state and URL")
    checks.equal(outputs.get("image-repository", "").rsplit("/", 1)[-1], "web-preview", "it was pushed to the previews' repository")
    checks.equal(laid_out.tags("web-preview"), {commit, "pr-7"}, "its tags there")
    checks.equal(visit(laid_out.address, host), "first page", "a visitor sees it")
    checks.equal(run.summary(step)[:35], "# ✅ Preview of pull request 7 ready", "the summary begins")
    ours = [body for body in laid_out.comments(7) if "shipway" in body]
    checks.check(len(ours) == 1 and "### ✅ Preview ready: " in ours[0], "the comment", "\n".join(ours))
    checks.equal(laid_out.deployments(), [(commit, "preview", ["queued", "in_progress", "success"])], "GitHub's Deployment and its states")

    run = stage.run(laid_out, text, newer, "pull_request")
    ended(run, step, 0, "serving", "next commit")
    checks.equal(visit(laid_out.address, host), "second page", "a visitor sees it")
    states = {sha: states[-1] for sha, _, states in laid_out.deployments()}
    checks.equal(states, {commit: "inactive", newer: "success"}, "GitHub's Deployments: one answers")
    names = laid_out.services("staging")
    checks.check(len(names) == 2 and names[0].startswith("pr-7-web-"), "one service of the preview's", str(names))

    print("what comments may ask for: by the workflow of examples/")
    run = stage.run(laid_out, commands, newer, "issue_comment.talk")
    checks.equal((run.exit_code, list(run.of(step_of(commands)))), (0, []), "talk is skipped", run.tail())
    run = stage.run(laid_out, commands, newer, "issue_comment.preview_down")
    outputs = ended(run, step_of(commands), 0, "not-started", "/preview down")
    checks.equal(outputs.get("preview-state"), "removed", "state")
    checks.equal(laid_out.services("staging"), ["web"], "the base service alone is there")
    checks.equal(laid_out.tags("web-preview"), {commit, newer}, "tags of commits stay")
    checks.equal(laid_out.reactions(7), ["eyes", "rocket"], "the command is answered")
    checks.equal(laid_out.deployments(), [], "GitHub's Deployments")
    ours = [body for body in laid_out.comments(7) if "shipway" in body]
    checks.check(len(ours) == 1 and "### 🗑️ Preview removed (`/preview down` by octocat) · 6 of 6" in ours[0], "the comment", "\n".join(ours))

    print("the pull request is merged, another comes from a fork")
    run = stage.run(laid_out, text, newer, "pull_request.closed_merged")
    outputs = ended(run, step, 0, "not-started", "merged")
    checks.equal(outputs.get("preview-state"), "absent", "state")
    run = stage.run(laid_out, text, newer, "pull_request.fork", with_token=False)
    checks.equal((run.exit_code, list(run.of(step))), (0, []), "a fork's is skipped", run.tail())


def setup(stage, laid_out, commit):
    print("the binary on PATH")
    run = stage.run(laid_out, fixture("setup"), commit)
    checks.equal(run.exit_code, 0, "act", run.tail())
    checks.equal(run.outputs("shipway").get("version"), stage.release.version, "the version")
    checks.has(run.said("after"), "shipway ", "the next step runs it")


def unfit(stage, laid_out, commit):
    print("events that must not deploy")
    before = laid_out.service()["taskDefinition"]
    run = stage.run(laid_out, fixture("promote"), commit, "pull_request.fork", with_token=False)
    outputs = ended(run, "shipway", 4, "not-started", "a fork's pull request")
    checks.check(outputs.get("failure-code", "").startswith("shipway::credentials::"), "failure-code", str(outputs))
    checks.has(run.said("1"), "then failure not-started", "the next step")

    run = stage.run(laid_out, fixture("foreign"), commit, "pull_request_target.fork")
    outputs = ended(run, "shipway", 6, "not-started", "foreign code with the base's rights")
    checks.check("Building the image" not in run.groups("shipway"), "nothing was built")
    checks.check(commit not in laid_out.tags(), "nothing was pushed")

    run = stage.run(laid_out, fixture("queued"), commit, "merge_group")
    ended(run, "shipway", 6, "not-started", "a merge queue")
    checks.equal(laid_out.service()["taskDefinition"], before, "the service runs what it ran")


def tampered(stage, laid_out, commit):
    print("a release that is not the one the action's commit names")
    comments = len(laid_out.comments(7))
    shutil.rmtree(stage.act.cache)
    stage.release.spoil()
    run = stage.run(laid_out, fixture("promote"), commit, "pull_request")
    stage.release.mend()
    outputs = ended(run, "shipway", 1, "not-started", "tampered")
    checks.equal(outputs.get("failure-code"), "shipway::install::checksum", "failure-code")
    checks.check("Looking at" not in run.said("shipway"), "nothing was run", run.said("shipway"))
    checks.equal(len(laid_out.comments(7)), comments, "comments on the pull request")
    checks.equal([p for p in stage.act.cache.rglob("shipway") if p.is_file()], [], "what the tool cache holds of it")


def played(story, *stage):
    """A story that breaks off has failed; the others are played all the same."""
    try:
        return story(*stage)
    except Exception as error:  # noqa: BLE001
        checks.check(False, f"{story.__name__} broke off", "".join(traceback.format_exception(error)))
        return {}


def main():
    work = Path(sys.argv[1])
    site = Site(work / "site")
    # What calls-reusable.yml calls is looked for in the repository; /health is for build-once-promote.yml.
    called = {".github/workflows/reusable-deploy.yml": for_act(examples()["reusable-deploy.yml"])[0], "site/health": "well"}
    commits = [
        site.commit("first page", files=called), site.commit("second page"), site.commit("third page", crash_after=0), site.commit("fourth page"),
        site.commit("fifth page"),
    ]
    played(snapshot)
    release = Release(work)
    with release.served():
        stage = Stage(Act(work, release.tree), site, release)
        checks.check(release.download_bytes < 1024 * 1024, f"a job downloads {release.download_bytes // 1024} KiB of this repository")
        # Only the wire matters.
        head = {"pull-requests": [pull_request(number, commits[1], merged=False) for number in (7, 8)]}
        with world(work, "wire", **head) as laid_out:
            played(planned, stage, laid_out, commits[1])
            played(promote, stage, laid_out, commits[1])
            played(went_back, stage, laid_out, commits[1])
            played(night, stage, laid_out, commits[1])
        with world(work, "wire", **head) as laid_out:
            for story in (refused, misspelt, unfit, setup):
                played(story, stage, laid_out, commits[1])
            checks.equal(release.asked, [f"/{release.file.relative_to(release.folder)}"], "fetched once, then from the tool cache")
            played(tampered, stage, laid_out, commits[1])
        # Real containers.
        merged = [pull_request(11 + n, sha, merged=True) for n, sha in enumerate(commits)]
        with world(work, "real", **{"pull-requests": merged}) as laid_out:
            begun = played(first, stage, laid_out, commits[0])
            second = played(readme, stage, laid_out, commits[1], begun)
            played(crash, stage, laid_out, commits[2], second)
            played(cancelled, stage, laid_out, commits[3], second)
            played(promoted, stage, laid_out, commits[4], commits[1])
        head = pull_request(7, commits[0], merged=False) | {"comments": [{"author": "octocat", "body": "/preview down"}]}
        with world(work, "previews", **{"pull-requests": [head], "commits": [{"sha": sha} for sha in commits[:2]]}) as laid_out:
            played(previewed, stage, laid_out, commits[0], commits[1])
    print(f"act: {checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
