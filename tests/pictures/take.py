"""Takes the pictures: real runs of the built binary on a served sandbox, what they wrote, and how that looks.

    take.py FOLDER          every text and its pictures, wide and as wide as a phone: to be looked at
    take.py FOLDER --docs   and those that the README shows, into docs/pictures

Knows: which runs tell the story. Does not know: how a text is drawn.
"""

import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests" / "act"), str(ROOT / "tests" / "fidelity")]
import render  # noqa: E402
from browser import chromium  # noqa: E402
from served import sandbox  # noqa: E402
from stage import NAME, REPOSITORY_ID, Site, World, event, pull_request  # noqa: E402

PULL, COLUMNS = 7, 100
ROLE = "arn:aws:iam::111122223333:role/shipway-production"
SETTINGS = ["--aws-region", "eu-west-1", "--ecr-repository", "web", "--cluster", "prod", "--service", "web"]
SHOWN = {
    "comment": "success-comment", "failure": "rolled-back-comment", "summary": "success-summary", "terminal": "terminal",
}


class Runs:
    """Runs of one workflow on the pull request, one after another, in one world."""

    def __init__(self, work, site, laid_out):
        self.work, self.site, self.world, self.count = Path(work), site, laid_out, 0

    def environment(self, commit, *, in_actions):
        self.count += 1
        folder = self.work / f"{id(self.world)}-{self.count}"
        folder.mkdir()
        (folder / "event.json").write_text(json.dumps(event("pull_request", commit)))
        for name in ("summary", "outputs"):
            (folder / name).touch()
        variables = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "TERM": "xterm-256color", "RUNNER_TEMP": str(folder),
            "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(folder / "event.json"), "GITHUB_REPOSITORY": NAME,
            "GITHUB_REPOSITORY_ID": str(REPOSITORY_ID), "GITHUB_REPOSITORY_OWNER": NAME.split("/")[0], "GITHUB_SHA": commit,
            "GITHUB_REF": f"refs/pull/{PULL}/merge", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_WORKFLOW": "Deploy",
            "GITHUB_RUN_ATTEMPT": "1", "GITHUB_TOKEN": self.world.token, "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "GITHUB_OUTPUT": str(folder / "outputs"), **self.world.variables(16_839_201_700 + self.count),
        }
        if in_actions:
            variables["GITHUB_ACTIONS"] = "true"
        if host := os.environ.get("DOCKER_HOST"):
            variables["DOCKER_HOST"] = host
        return folder, variables

    def deploy(self, commit, *flags, role=ROLE, look=None):
        """The summary, and the comment as it stands afterwards. `look` sees every edit of the comment meanwhile."""
        self.site.at(commit)
        folder, variables = self.environment(commit, in_actions=True)
        command = [os.environ["SHIPWAY"], "deploy", *SETTINGS, "--role-to-assume", role, *flags]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.site.directory, env=variables, stdout=log, stderr=log)
            while process.poll() is None:
                time.sleep(0.3)
                if look:
                    look("\n".join(self.world.comments(PULL)))
        print(f"  exit {process.returncode}: {' '.join(flags) or 'deploy'}")
        return (folder / "summary").read_text(), "\n".join(self.world.comments(PULL))

    def on_terminal(self, commit, *words, seconds=120):
        """(what was written, when) in pieces, as a terminal gets it."""
        self.site.at(commit)
        _, variables = self.environment(commit, in_actions=False)
        for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
            del variables[name]
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
        command = [os.environ["SHIPWAY"], *words, "--role-to-assume", ROLE]
        process = subprocess.Popen(command, cwd=self.site.directory, env=variables, stdin=child, stdout=child, stderr=child, start_new_session=True)
        os.close(child)
        watchdog = threading.Timer(seconds, process.kill)
        watchdog.start()
        written = []
        with contextlib.suppress(OSError):  # the last writer has gone
            while piece := os.read(parent, 65536):
                written.append((time.monotonic(), piece))
        watchdog.cancel()
        os.close(parent)
        print(f"  exit {process.wait()}: {' '.join(words[:1])} on a terminal")
        return written


def until(written, text):
    """The screen's bytes up to the first piece with this text, and two seconds more: in the middle of things."""
    end = next((at + 2 for at, piece in written if text.encode() in piece), None)
    return b"".join(piece for at, piece in written if end is None or at <= end)


@contextlib.contextmanager
def world(work, head):
    file = yaml.safe_load((HERE / "world.yml").read_text())
    file["github"]["pull-requests"] = [pull_request(PULL, head, merged=False)]
    path = Path(work) / f"world-{time.monotonic_ns()}.yml"
    path.write_text(yaml.safe_dump(file))
    with sandbox(path) as variables:
        yield World(variables, {})


def play(work):
    """(name, kind, text) of everything that a person reads."""
    site = Site(Path(work) / "site")
    commits = [site.commit(text) for text in ("one", "two", "three", "four")]
    texts = []
    with world(work, commits[3]) as laid_out:
        runs = Runs(work, site, laid_out)
        runs.deploy(commits[0])
        summary, comment = runs.deploy(commits[1])
        texts += [("rolled-back-summary", "summary", summary), ("rolled-back-comment", "comment", comment)]
        edits = []
        summary, comment = runs.deploy(commits[2], look=lambda body: edits.append(body) if body not in edits else None)
        texts += [("success-summary", "summary", summary), ("success-comment", "comment", comment)]
        texts += [(f"progress-comment-{n}", "comment", body) for n, body in enumerate(edits) if "🔄" in body]
        summary, comment = runs.deploy(commits[2])
        texts += [("unchanged-summary", "summary", summary), ("unchanged-comment", "comment", comment)]
        five = "shipway deploy --aws-region eu-west-1 --ecr-repository web --cluster prod --service web"
        written = runs.on_terminal(commits[3], "deploy", *SETTINGS)
        texts += [
            ("terminal", five, b"".join(piece for _, piece in written)),
            ("terminal-progress", five, until(written, "Rolling out")),
        ]
    with world(work, commits[0]) as laid_out:
        runs = Runs(work, site, laid_out)
        summary, comment = runs.deploy(commits[0], role=ROLE.replace("production", "main"))
        texts += [("refused-summary", "summary", summary), ("refused-comment", "comment", comment)]
        written = runs.on_terminal(commits[0], "doctor", *SETTINGS)
        texts += [("doctor", "shipway doctor", b"".join(piece for _, piece in written))]
        summary, comment = runs.deploy(commits[0], "--wait-for-minutes", "1", "--stable-for", "120")
        texts += [("timed-out-summary", "summary", summary), ("timed-out-comment", "comment", comment)]
    return texts


def html_of(kind, text):
    if isinstance(text, bytes):
        return render.terminal(text, COLUMNS, kind)
    return {"summary": render.summary, "comment": render.comment}[kind](text)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        texts = play(work)
    with chromium() as browser:
        for name, kind, text in texts:
            ending = "ansi" if isinstance(text, bytes) else "md"
            (folder / f"{name}.{ending}").write_bytes(text if isinstance(text, bytes) else text.encode())
            for width in (900,) if isinstance(text, bytes) else (900, 360):
                wider = render.shoot(browser, html_of(kind, text), width, folder / f"{name}-{width}.png", open_details=not isinstance(text, bytes))
                if wider > 0:
                    print(f"  {name} is {wider} px wider than a screen of {width}")
        if "--docs" in sys.argv:
            by_name = {name: (kind, text) for name, kind, text in texts}
            for target, name in SHOWN.items():
                path = ROOT / "docs" / "pictures" / f"{target}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                small = {"colours": 64, "scale": 1.4} if target == "terminal" else {"colours": 128}
                render.shoot(browser, html_of(*by_name[name]), 860, path, **small)
                print(f"  {path.relative_to(ROOT)}: {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
