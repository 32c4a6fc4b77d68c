"""Runs a workflow by `act` on this host and reads its log.

Knows: what act 0.2.89 does not (`deployment:`, `queue:`, `timezone:`, `$/`), how a pinned action becomes a folder, act's JSON log.
Does not know: what a workflow is for.
"""

import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

# Hosted images that the examples name; all of them are this host.
IMAGES = ("ubuntu-24.04", "ubuntu-24.04-arm", "ubuntu-slim", "ubuntu-latest")
# Keys of GitHub's that act's schema refuses, and a checkout of another commit than the one that is here, which act would fetch:
# a line of their own each.
UNKNOWN = re.compile(r"^[ ]+(?:- )?(?:(?:deployment|queue|timezone):.*|ref: \$\{\{ github\.event\.pull_request\.head\.sha .*)\n", re.MULTILINE)
ACTION = re.compile(r"^\s*(?:- )?uses:\s*[\"']?(?P<action>[\w.-]+/[\w.-]+)(?P<path>/[\w./-]+)?@(?P<ref>[\w./-]+)", re.MULTILINE)
OURS = "octo-org/shipway"
LIMIT = 150


# What the examples say of this repository, which act knows by its older name, and of a second account: a sandbox has one.
WORDED = {"uses: $/": "uses: ./", "arn:aws:iam::444455556666:": "arn:aws:iam::111122223333:"}


def for_act(text):
    """The workflow as act and one sandbox can run it, and the lines that had to be changed for it."""
    changed = [f"- {line.strip()}" for line in UNKNOWN.findall(text)]
    text = UNKNOWN.sub("", text)
    for ours, acts in WORDED.items():
        changed += [f"~ {line.strip()} => {line.strip().replace(ours, acts)}" for line in text.splitlines() if ours in line]
        text = text.replace(ours, acts)
    return text, changed


def pins(text):
    """`owner/name@ref` of our own actions. act fetches none of them: each is mapped to a folder."""
    return sorted({f"{m['action']}@{m['ref']}" for m in ACTION.finditer(text) if m["action"] == OURS})


class Run:
    """What a run said. A step is its id; the steps inside of a composite action count as the one that uses it."""

    def __init__(self, exit_code, records, seconds):
        self.exit_code, self.records, self.seconds = exit_code, records, seconds

    def of(self, step, depth=None):
        for record in self.records:
            ids = record.get("stepID") or []
            if ids and (step is None or ids[0] == step) and (depth is None or len(ids) == depth):
                yield record

    def in_job(self, job):
        """What one job said."""
        return Run(self.exit_code, [r for r in self.records if r.get("jobID") == job], self.seconds)

    def outputs(self, step):
        return {r["name"]: r["arg"] for r in self.of(step, 1) if r.get("command") == "set-output"}

    def step_exit(self, step):
        """The exit code of the step's process; act only words it."""
        codes = [int(r["msg"].removeprefix("exit status ")) for r in self.of(step) if re.fullmatch(r"exit status \d+", r["msg"])]
        results = [r["stepResult"] for r in self.of(step, 1) if r.get("stage") == "Main" and "stepResult" in r]
        return codes[0] if codes else 0 if results == ["success"] else None

    def summary(self, step):
        return "".join(r["content"] for r in self.of(step, 1) if r.get("command") == "summary")

    def annotations(self, step=None):
        return [
            (r["command"], (r.get("kvPairs") or {}).get("title", ""), r["arg"])
            for r in self.of(step) if r.get("command") in ("error", "warning", "notice")
        ]

    def groups(self, step):
        return [r["arg"] for r in self.of(step) if r.get("command") == "group"]

    def said(self, step=None):
        """The log as a person reads it: masks applied, commands left out."""
        return "".join(r["msg"] for r in self.of(step) if r.get("raw_output"))

    def everything(self):
        """All that act wrote, but for the commands that ask for masks."""
        return "\n".join(json.dumps(r, ensure_ascii=False) for r in self.records if r.get("command") != "add-mask")

    def tail(self):
        lines = [r.get("raw", r["msg"]).rstrip("\n") for r in self.records if r.get("command") != "add-mask"]
        return "\n".join("        | " + line for line in lines[-45:])


class Act:
    """act with a home of its own. `actions` is the folder that stands for our repository at every ref."""

    def __init__(self, work, actions):
        self.work, self.actions = Path(work), Path(actions)
        self.home = self.work / "home"
        self.home.mkdir()
        self.runs = 0

    @property
    def cache(self):
        """RUNNER_TOOL_CACHE of every run here."""
        return self.home / ".cache" / "act" / "tool_cache"

    def start(self, workflow, *, repository, event_name, event, variables, token, when=None):
        """Runs it to its end. `when` is `(text, act)`: once a step says the text, `act(process)` is called."""
        self.runs += 1
        folder = self.work / f"run-{self.runs}"
        folder.mkdir()
        text, _ = for_act(workflow)
        (folder / "workflow.yml").write_text(text)
        (folder / "event.json").write_text(json.dumps(event))
        (folder / "env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
        (folder / "secrets").write_text(f"GITHUB_TOKEN={token}\n")
        command = [
            "act", event_name, "--json", "-W", folder / "workflow.yml", "-e", folder / "event.json",
            "--env-file", folder / "env", "--secret-file", folder / "secrets", "--no-cache-server", "--var-file", os.devnull,
        ]
        command += [word for image in IMAGES for word in ("-P", f"{image}=-self-hosted")]
        called = "".join(path.read_text() for path in Path(repository).glob(".github/workflows/*.yml"))
        command += [word for pin in pins(text + called) for word in ("--local-repository", f"{pin}={self.actions}")]
        # Nothing of this machine's settings: what a step sees is what the workflow and the event give it.
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        if host := os.environ.get("DOCKER_HOST"):
            environment["DOCKER_HOST"] = host
        began = time.monotonic()
        process = subprocess.Popen(
            command, cwd=repository, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True,
        )
        # Whatever hangs: its whole group, which is nobody else's.
        watchdog = threading.Timer(LIMIT, os.killpg, (process.pid, signal.SIGKILL))
        watchdog.start()
        records, pending = [], when
        try:
            for line in process.stdout:
                try:
                    record = json.loads(line)
                except ValueError:
                    record = {"msg": line}
                record.setdefault("msg", "")
                records.append(record)
                if pending and pending[0] in record["msg"]:
                    pending[1](process)
                    pending = None
            exit_code = process.wait()
        finally:
            watchdog.cancel()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.stdout.close()
        return Run(exit_code, records, time.monotonic() - began)


def children(pid):
    """Of a process: (pid, command line), those of its children included."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
        except OSError:
            continue
        if parent == pid:
            found.append((int(entry.name), words))
            found.extend(children(int(entry.name)))
    return found
