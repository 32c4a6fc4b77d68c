"""What a release would serve and what its commit holds, made from the built binary: the actions' tree as a job downloads it,
`release.txt` in it, and the files on loopback.

Knows: the form of release.txt, and that of the addresses. Does not know: who downloads.
"""

import contextlib
import gzip
import hashlib
import io
import os
import subprocess
import tarfile
from pathlib import Path

from stage import ROOT, served

IDENTITY = ["-c", "user.name=octocat", "-c", "user.email=octocat@users.noreply.github.com"]
TARGET, VERSION = "x86_64-unknown-linux-musl", "1.0.0"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Release:
    version = VERSION

    def __init__(self, work):
        self.folder, self.tree, self.base, self.asked = Path(work) / "release", Path(work) / "tree", None, []
        # What GitHub packs for a job that uses us: `export-ignore` leaves the tests out. Changes that are not committed count.
        changes = subprocess.check_output(["git", *IDENTITY, "stash", "create"], cwd=ROOT, text=True).strip()
        archive = subprocess.check_output(["git", "archive", "--format=tar", changes or "HEAD"], cwd=ROOT)
        self.download_bytes = len(gzip.compress(archive))
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(self.tree, filter="data")
        binary = Path(work) / "shipway"
        # A build for debugging is ten times as large, and the time goes into packing it.
        subprocess.run(["strip", "-o", binary, os.environ["SHIPWAY"]], check=True)
        plain = binary.read_bytes()
        self.packed = gzip.compress(plain, 1, mtime=0)
        self.file = self.folder / f"v{VERSION}" / f"shipway-{TARGET}.gz"
        self.file.parent.mkdir(parents=True)
        self.file.write_bytes(self.packed)
        self.sums = (sha256(self.packed), len(self.packed), sha256(plain))

    @contextlib.contextmanager
    def served(self):
        with served(self.folder) as (address, self.asked):
            lines = ["version " + VERSION, "from " + address, f"binary {TARGET} {' '.join(map(str, self.sums))}"]
            (self.tree / "action" / "release.txt").write_text("\n".join(lines) + "\n")
            yield

    def spoil(self):
        """Somebody puts another file in its place, of the same length."""
        self.file.write_bytes(self.packed[:-8] + bytes(8))

    def mend(self):
        self.file.write_bytes(self.packed)
