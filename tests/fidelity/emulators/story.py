"""What both emulators' stories share: running the built binary, telling checks, and the snapshot of what was skipped.

Knows the binary's flags and outputs, as its README tells them; nothing of its code.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}


class Deployed:
    """One run of `shipway deploy`: its exit code, its outputs, and what it said."""

    def __init__(self, exit_code, outputs, said):
        self.exit_code, self.outputs, self.said = exit_code, outputs, said

    @property
    def status(self):
        return self.outputs.get("deployment-status")

    def tail(self):
        return "\n".join(self.said.splitlines()[-25:])


def deploy(endpoint, *flags, limit=240):
    """Runs the binary by the SDK's default chain of credentials, without anything of this machine's configuration."""
    with tempfile.TemporaryDirectory() as home:
        outputs = Path(home, "outputs")
        outputs.touch()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "GITHUB_OUTPUT": str(outputs),
            **KEYS,
            **{name: os.environ[name] for name in ("DOCKER_HOST",) if name in os.environ},
        }
        command = [os.environ["SHIPWAY"], "deploy", "--comment", "off", "--output", "json", *flags]
        run = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=limit)
        return Deployed(run.returncode, json.loads(run.stdout or "{}"), run.stderr)


class Checks:
    """Counts what held. The last line of a story is `<name>: N passed, N failed, N skipped`."""

    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped = name, 0, 0, []

    def check(self, holds, what, why=""):
        if holds:
            self.passed += 1
            print(f"  ok    {what}")
        else:
            self.failed += 1
            print(f"  FAIL  {what}\n{why}")

    def equal(self, found, wanted, what, why=""):
        self.check(found == wanted, f"{what}: {wanted}", f"        found {found}\n{why}")

    def skip(self, what):
        self.skipped.append(f"{self.name}: {what}")

    def end(self):
        """Skips are a snapshot: what an emulator learns, or unlearns, has to be looked at."""
        prefix = f"{self.name}: "
        listed = [line for line in (HERE / "skips.txt").read_text().splitlines() if line.startswith(prefix)]
        self.check(sorted(listed) == sorted(self.skipped), "skips are those of skips.txt", "\n".join(
            [f"        not in skips.txt:  {line}" for line in self.skipped if line not in listed]
            + [f"        not skipped today: {line}" for line in listed if line not in self.skipped]))
        print(f"{self.name}: {self.passed} passed, {self.failed} failed, {len(self.skipped)} skipped")
        if totals := os.environ.get("TOTALS"):
            with open(totals, "a") as file:
                print(self.passed, self.failed, file=file)
        sys.exit(1 if self.failed else 0)
