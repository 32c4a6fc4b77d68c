"""A release, dry: every step of release.yml that can run without GitHub, in a clone, with the binary of this machine.

Knows release/*, action/install.sh and how git serves a tree; builds nothing (SHIPWAY names a built binary). What GitHub does
(drafts, attestations, immutability) is played by tests/release/gh, which refuses what the real `gh` refuses.
"""

import functools
import gzip
import hashlib
import http.server
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MACHINE = {"x86_64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}[os.uname().machine]
TARGET = f"{MACHINE}-unknown-linux-musl"
TARGETS = (ROOT / "release/targets").read_text().split()
PEOPLE = {"GIT_AUTHOR_NAME": "dry run", "GIT_AUTHOR_EMAIL": "dry@run.example", "GIT_COMMITTER_NAME": "dry run",
          "GIT_COMMITTER_EMAIL": "dry@run.example"}


def run(*command, cwd=None, env=None, clean=False, text=True, stdin=None):
    base = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")} if clean else os.environ
    return subprocess.run([str(c) for c in command], cwd=cwd, env={**base, **PEOPLE, **(env or {})}, text=text,
                          input=stdin, capture_output=True, check=False)


def must(*command, **more):
    done = run(*command, **more)
    if done.returncode:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout.strip()


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Release(unittest.TestCase):
    """One clone a test; the binary is stripped once."""

    @classmethod
    def setUpClass(cls):
        cls.kept = pathlib.Path(tempfile.mkdtemp(prefix="shipway-release-"))
        cls.binaries = cls.kept / "binaries"
        cls.binaries.mkdir()
        for target in TARGETS:
            # Only this machine's is run here; release.yml builds and checks the others.
            (cls.binaries / f"shipway-{target}").write_text(f"not of this machine: {target}\n")
        native = cls.binaries / f"shipway-{TARGET}"
        must("strip", "-o", native, os.environ["SHIPWAY"])
        cls.version = must(native, "--version").split()[-1]
        # What is in the working tree, so that a change is tested before it is committed.
        cls.source = cls.kept / "source"
        must("git", "clone", "--quiet", "--no-tags", ROOT, cls.source)
        must("git", "checkout", "--quiet", "-B", "main", cwd=cls.source)
        listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout
        for name in filter(None, listed.split("\0")):
            target = cls.source / name
            if (ROOT / name).is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)
            elif target.exists():
                target.unlink()
        must("git", "add", "--all", cwd=cls.source)
        must("git", "commit", "--quiet", "--allow-empty", "--message", "The tree under test", cwd=cls.source)
        cls.packed = cls.kept / "packed"
        must(cls.source / "release/pack", cls.binaries, cls.packed)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.kept)

    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(dir=self.kept))
        self.remote = self.work / "remote.git"
        must("git", "clone", "--quiet", "--bare", "--branch", "main", self.source, self.remote)
        self.tree = self.work / "tree"
        must("git", "clone", "--quiet", self.remote, self.tree)
        self.state = self.work / "github"
        self.state.mkdir()
        self.github = {"GH_REPO": "octo-org/shipway", "GH_STATE": str(self.state), "GH_TOKEN": "none",
                       "GH_REMOTE": str(self.remote), "PATH": f"{ROOT / 'tests/release'}:{os.environ['PATH']}"}

    def step(self, name, *arguments, **more):
        return run(self.tree / "release" / name, *arguments, cwd=self.tree, **more)

    def did(self, name, *arguments, **more):
        done = self.step(name, *arguments, **more)
        self.assertEqual(done.returncode, 0, f"{name}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def refused(self, words, name, *arguments, **more):
        done = self.step(name, *arguments, **more)
        self.assertNotEqual(done.returncode, 0, f"{name} went through: {done.stdout}{done.stderr}")
        self.assertIn(words, done.stdout + done.stderr)

    def head(self, repository=None, ref="HEAD"):
        return must("git", "rev-parse", ref, cwd=repository or self.tree)

    def prepare(self, version=None):
        """The pull request that comes before a release, merged."""
        self.did("prepare", version or self.version, "2026-11-24")
        must("git", "commit", "--quiet", "--all", "--message", "Prepare", cwd=self.tree)
        must("git", "push", "--quiet", "origin", "main", cwd=self.tree)
        return self.head()

    def release(self, version=None, base="https://releases.example"):
        self.did("write_release_txt", version or self.version, base, self.packed)
        return self.did("commit", version or self.version, "origin")

    def serve(self, folder):
        handler = functools.partial(Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}"

    def install(self, commit, **more):
        """As a runner does: the commit's tree as GitHub packs it, an empty tool cache, no git."""
        archive = self.work / "action.tar"
        must("git", "archive", "--output", archive, commit, cwd=self.remote)
        action = self.work / "action"
        with tarfile.open(archive) as packed:
            packed.extractall(action, filter="data")
        cache, outputs, path = self.work / "cache", self.work / "outputs", self.work / "path"
        done = run("/bin/sh", action / "action/install.sh", cwd=self.work, clean=True,
                   env={"RUNNER_TOOL_CACHE": str(cache), "RUNNER_TEMP": str(self.work), "GITHUB_OUTPUT": str(outputs),
                        "GITHUB_PATH": str(path), "SHIPWAY_INSTALL_SECONDS": "5", **more})
        return done, cache

    def publish_folder(self, version):
        served = self.work / "served"
        (served / f"v{version}").mkdir(parents=True)
        for asset in self.packed.glob("*.gz"):
            shutil.copy(asset, served / f"v{version}")
        return served

    # ---- the whole

    def test_a_release_from_its_commit_to_a_job_that_runs_it(self):
        served = self.publish_folder(self.version)
        base = self.serve(served)
        built = self.prepare()
        self.did("check_version", self.version)
        commit = self.release(base=base)

        self.assertEqual(self.head(self.remote, "main"), commit)
        self.assertEqual(self.head(self.remote, f"v{self.version}^{{commit}}"), commit)
        self.assertEqual(self.head(self.tree, f"{commit}^"), built, "it is built from its parent")
        changed = must("git", "diff", "--name-only", built, commit, cwd=self.tree)
        self.assertEqual(changed, "action/release.txt")
        self.did("move_major", self.version, commit, "origin")
        self.assertEqual(self.head(self.remote, "v" + self.version.split(".")[0]), commit)

        done, cache = self.install(commit)
        self.assertEqual(done.returncode, 0, done.stderr)
        binary = pathlib.Path(done.stdout.strip().splitlines()[-1])
        self.assertTrue(binary.is_relative_to(cache), binary)
        self.assertEqual(must(binary, "--version").split()[-1], self.version)
        self.assertEqual(sha256(binary), sha256(self.binaries / f"shipway-{TARGET}"))

    def test_the_tree_that_every_job_downloads_is_small(self):
        self.prepare()
        commit = self.release()
        archive = self.work / "action.tar.gz"
        must("git", "archive", "--format=tar.gz", "--output", archive, commit, cwd=self.remote)
        self.assertLess(archive.stat().st_size, 1 << 20)
        with tarfile.open(archive) as packed:
            names = packed.getnames()
        self.assertIn("action.yml", names)
        self.assertIn("action/release.txt", names)
        for folder in ("tests", "docs", "release", ".ci", ".github"):
            self.assertNotIn(folder, {name.split("/")[0] for name in names})

    # ---- what is installed is what was packed

    def test_an_asset_that_was_exchanged_is_not_run(self):
        served = self.publish_folder(self.version)
        base = self.serve(served)
        self.prepare()
        commit = self.release(base=base)
        ran = self.work / "ran"
        evil = gzip.compress(f"#!/bin/sh\ntouch {ran}\n".encode())
        asset = served / f"v{self.version}" / f"shipway-{TARGET}.gz"
        asset.write_bytes(evil + b"\0" * (asset.stat().st_size - len(evil)))
        done, cache = self.install(commit)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("sha256", done.stderr)
        self.assertFalse(ran.exists())
        self.assertFalse([p for p in cache.rglob("*") if p.is_file()], "nothing stays")

    def test_the_packed_files_do_not_depend_on_name_or_time(self):
        sums = []
        for then in (1, 1_700_000_000):
            binaries, packed = self.work / f"binaries-{then}", self.work / f"packed-{then}"
            binaries.mkdir()
            for target in TARGETS:
                (binaries / f"shipway-{target}").write_text(target * 100)
                os.utime(binaries / f"shipway-{target}", (then, then))
            self.did("pack", binaries, packed)
            sums.append((packed / "subjects").read_text())
        self.assertEqual(*sums)

    def test_the_subjects_are_the_assets_and_the_binaries_in_them(self):
        lines = dict(reversed(line.split()) for line in (self.packed / "subjects").read_text().splitlines())
        self.assertEqual(set(lines), {f"shipway-{t}.gz" for t in TARGETS} | {f"shipway-{t}" for t in TARGETS})
        for target in TARGETS:
            packed = self.packed / f"shipway-{target}.gz"
            self.assertEqual(lines[packed.name], sha256(packed))
            self.assertEqual(lines[f"shipway-{target}"], hashlib.sha256(gzip.decompress(packed.read_bytes())).hexdigest())

    def test_release_txt_names_every_target_and_keeps_its_comment(self):
        comment = [l for l in (self.tree / "action/release.txt").read_text().splitlines() if l.startswith("#")]
        self.did("write_release_txt", "1.2.3", "https://releases.example", self.packed)
        self.did("write_release_txt", "1.2.3", "https://releases.example", self.packed)
        lines = (self.tree / "action/release.txt").read_text().splitlines()
        self.assertEqual(lines[: len(comment)], comment)
        self.assertEqual(lines[len(comment):][:2], ["version 1.2.3", "from https://releases.example"])
        for line, target in zip(lines[len(comment) + 2:], TARGETS, strict=True):
            packed = self.packed / f"shipway-{target}.gz"
            binary = self.binaries / f"shipway-{target}"
            self.assertEqual(line, f"binary {target} {sha256(packed)} {packed.stat().st_size} {sha256(binary)}")

    def test_a_binary_that_is_missing_or_an_asset_that_changed_stops_it(self):
        some = self.work / "some"
        shutil.copytree(self.binaries, some)
        (some / "shipway-aarch64-apple-darwin").unlink()
        self.refused("no binary for aarch64-apple-darwin", "pack", some, self.work / "out")
        self.assertFalse((self.work / "out").exists())
        changed = self.work / "changed"
        shutil.copytree(self.packed, changed)
        (changed / f"shipway-{TARGETS[0]}.gz").write_bytes(gzip.compress(b"other"))
        before = (self.tree / "action/release.txt").read_text()
        self.refused("FAILED", "write_release_txt", "1.2.3", "https://releases.example", changed)
        self.assertEqual((self.tree / "action/release.txt").read_text(), before)

    def test_a_build_is_of_the_lock_file_by_the_manifest_s_rust_and_static(self):
        tools, asked = self.work / "tools", self.work / "asked"
        tools.mkdir()
        program = self.work / "program.rs"
        program.write_text('fn main() { println!("shipway 0"); }')
        must("rustc", "--edition", "2024", "-C", "target-feature=+crt-static", "-o", self.work / "static", program)
        must("rustc", "--edition", "2024", "-C", "target-feature=-crt-static", "-o", self.work / "dynamic", program)
        # In the place of the compiler: what it is asked, and what it leaves.
        (tools / "rustup").write_text(f'#!/bin/sh\necho "rustup $*" >>{asked}\n')
        (tools / "cargo").write_text(f"""#!/bin/sh
            {{ echo "cargo $*"; env; }} >>{asked}
            mkdir -p target/{TARGET}/dist && cp "$LEAVES" target/{TARGET}/dist/shipway
            """)
        for tool in tools.iterdir():
            tool.chmod(0o755)
        env = {"PATH": f"{tools}:{os.environ['PATH']}"}
        out = self.work / "out"
        self.did("build", TARGET, out, env={**env, "LEAVES": str(self.work / "static")})
        self.assertEqual((out / f"shipway-{TARGET}").read_bytes(), (self.work / "static").read_bytes())
        lines = asked.read_text().splitlines()
        rust = re.search(r'^rust-version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
        self.assertEqual(lines[0], f"rustup toolchain install {rust} --profile minimal --target {TARGET} --no-self-update")
        self.assertEqual(lines[1], f"cargo +{rust} build --locked --profile dist --bin shipway --target {TARGET}")
        name = TARGET.replace("-", "_")
        self.assertIn(f"CC_{name}=musl-gcc", lines)
        self.assertIn(f"CARGO_TARGET_{name.upper()}_LINKER=musl-gcc", lines)
        self.assertTrue([line for line in lines if line.startswith("RUSTFLAGS=") and f"{self.tree}=" in line])
        self.refused("is not static", "build", TARGET, out, env={**env, "LEAVES": str(self.work / "dynamic")})
        self.refused("does not list", "build", "riscv64gc-unknown-linux-gnu", out, env=env)

    # ---- versions

    def test_a_version_that_does_not_fit_is_refused_with_what_to_do(self):
        self.refused("that is no version", "check_version", "v1.2.3")
        self.refused("release/prepare 7.8.9", "check_version", "7.8.9")
        self.refused('no "## [', "check_version", self.version)
        self.prepare("7.8.9")
        self.did("check_version", "7.8.9")
        must("git", "tag", "v7.8.9", cwd=self.tree)
        self.refused("is there already", "check_version", "7.8.9")

    def test_prepare_changes_the_version_everywhere_and_cargo_agrees(self):
        self.prepare("7.8.9")
        # cargo reads manifest and lock file, and would rewrite a lock file that does not fit.
        metadata = must("cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1", cwd=self.tree)
        self.assertEqual(set(re.findall(r'"version":"(7\.8\.9|' + re.escape(self.version) + ')"', metadata)), {"7.8.9"})
        changed = must("git", "diff", "--name-only", "HEAD^", "HEAD", cwd=self.tree).split()
        self.assertEqual(changed, ["CHANGELOG.md", "Cargo.lock", "Cargo.toml"])
        notes = self.did("notes", "7.8.9")
        self.assertIn("### Added", notes)
        self.assertNotIn("## [", notes)
        self.assertNotIn("[Unreleased]:", notes)

    def test_a_changelog_that_says_nothing_is_refused(self):
        changelog = self.tree / "CHANGELOG.md"
        text = changelog.read_text()
        changelog.write_text(text[: text.index("## [Unreleased]")] + "## [Unreleased]\n\n[Unreleased]: https://x.example\n")
        self.refused("says nothing about it", "prepare", self.version)

    # ---- main and the tags

    def test_when_main_has_moved_on_nothing_is_pushed(self):
        self.prepare()
        other = self.work / "other"
        must("git", "clone", "--quiet", self.remote, other)
        must("git", "commit", "--quiet", "--allow-empty", "--message", "Meanwhile", cwd=other)
        must("git", "push", "--quiet", "origin", "main", cwd=other)
        built, tip = self.head(), self.head(self.remote, "main")
        self.did("write_release_txt", self.version, "https://releases.example", self.packed)
        self.refused("main has moved on", "commit", self.version, "origin")
        self.assertEqual(self.head(self.remote, "main"), tip)
        self.assertEqual(must("git", "ls-remote", "--tags", self.remote), "", "no tag without its commit on main")
        self.assertEqual(self.head(), built)

    def test_a_tag_that_is_there_is_not_replaced_and_main_stays(self):
        built = self.prepare()
        must("git", "tag", f"v{self.version}", f"{built}^", cwd=self.remote)
        self.did("write_release_txt", self.version, "https://releases.example", self.packed)
        self.refused("Nothing was pushed", "commit", self.version, "origin")
        self.assertEqual(self.head(self.remote, "main"), built)

    def test_when_a_later_step_failed_the_commit_is_found_again(self):
        built = self.prepare()
        commit = self.release()
        # The job anew: a checkout of what was built, without history.
        shutil.rmtree(self.tree)
        must("git", "init", "--quiet", "--initial-branch", "main", self.tree)
        must("git", "fetch", "--quiet", "--depth", "1", f"file://{self.remote}", built, cwd=self.tree)
        must("git", "checkout", "--quiet", built, cwd=self.tree)
        remote = f"file://{self.remote}"
        self.did("write_release_txt", self.version, "https://releases.example", self.packed)
        self.assertEqual(self.did("commit", self.version, remote), commit)
        self.did("write_release_txt", self.version, "https://elsewhere.example", self.packed)
        self.refused("is another release", "commit", self.version, remote)
        self.assertEqual(self.head(self.remote, "main"), commit)

    def test_only_release_txt_comes_between_what_was_built_and_what_is_tagged(self):
        self.prepare()
        self.refused("Changed is:\nnothing", "commit", self.version, "origin")
        self.did("write_release_txt", "0.0.1", "https://releases.example", self.packed)
        self.refused("is not of version", "commit", self.version, "origin")
        self.did("write_release_txt", self.version, "https://releases.example", self.packed)
        (self.tree / "action/run.sh").write_text("#!/bin/sh\n")
        self.refused("action/run.sh", "commit", self.version, "origin")

    def test_the_major_tag_follows_the_newest_release_alone(self):
        def tag(name):
            must("git", "commit", "--quiet", "--allow-empty", "--message", name, cwd=self.tree)
            must("git", "push", "--quiet", "origin", f"HEAD:refs/tags/{name}", cwd=self.tree)
            return self.head()

        first = tag("v1.9.0")
        self.did("move_major", "1.9.0", first, "origin")
        self.assertEqual(self.head(self.remote, "v1"), first)
        second = tag("v1.10.0")
        self.did("move_major", "1.10.0", second, "origin")
        self.assertEqual(self.head(self.remote, "v1"), second, "10 comes after 9")
        repaired = tag("v1.9.1")
        self.assertIn("stays", self.did("move_major", "1.9.1", repaired, "origin"))
        early = tag("v1.11.0-rc.1")
        self.assertIn("stays", self.did("move_major", "1.11.0-rc.1", early, "origin"))
        self.assertEqual(self.head(self.remote, "v1"), second)
        self.refused("is not there", "move_major", "2.0.0", second, "origin")

    # ---- GitHub, played by tests/release/gh

    def test_a_draft_holds_the_assets_and_is_published_once(self):
        self.prepare()
        self.did("draft", self.version, self.packed, env=self.github)
        self.did("draft", self.version, self.packed, env=self.github)  # what an earlier try left is replaced
        drafted = self.state / f"v{self.version}"
        self.assertEqual({p.name for p in (drafted / "assets").iterdir()},
                         {f"shipway-{t}.gz" for t in TARGETS} | {"SHA256SUMS"})
        self.assertIn("### Added", (drafted / "notes").read_text())
        self.refused("tag", "publish", self.version, env=self.github)
        self.release()
        self.did("publish", self.version, env=self.github)
        self.refused("published already", "draft", self.version, self.packed, env=self.github)

    def test_a_release_that_can_be_changed_is_no_success(self):
        self.prepare()
        self.did("draft", self.version, self.packed, env=self.github)
        self.release()
        self.refused("immutable releases", "publish", self.version, env={**self.github, "GH_IMMUTABLE": "false"})

    def test_attestations_are_asked_for_each_archive_and_each_binary(self):
        commit = self.prepare()
        self.refused("no attestation", "verify", self.packed, commit, env=self.github)
        subjects = (self.packed / "subjects").read_text().splitlines()
        attested = self.state / "attested"
        attested.write_text("".join(f"{s.split()[0]} {commit}\n" for s in subjects))
        self.did("verify", self.packed, commit, env=self.github)
        self.refused("no attestation", "verify", self.packed, self.head(ref="HEAD^"), env=self.github)
        for left_out in subjects:
            attested.write_text("".join(f"{s.split()[0]} {commit}\n" for s in subjects if s != left_out))
            self.refused("no attestation", "verify", self.packed, commit, env=self.github)

    # ---- the workflow

    def test_the_workflow_builds_the_targets_and_runs_these_scripts(self):
        workflow = (ROOT / ".github/workflows/release.yml").read_text()
        built = re.findall(r"target: (\S+)", workflow)
        self.assertEqual(sorted(built), sorted(TARGETS))
        called = re.findall(r"release/(\w+)", re.sub(r"#.*", "", workflow))
        there = {p.name for p in (ROOT / "release").iterdir()} - {"targets", "prepare", "notes"}
        self.assertEqual(set(called) - {"prepare"}, there)
        order = [called.index(s) for s in
                 ("check_version", "build", "pack", "verify", "write_release_txt", "draft", "commit", "publish", "move_major")]
        self.assertEqual(order, sorted(order))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    sys.exit(unittest.main())
