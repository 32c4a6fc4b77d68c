"""Counts what held. Knows nothing of what is checked."""


class Checks:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def check(self, holds, what, why=""):
        if holds:
            self.passed += 1
            print(f"  ok    {what}")
        else:
            self.failed += 1
            print(f"  FAIL  {what}\n{why}")
        return holds

    def equal(self, found, wanted, what, why=""):
        return self.check(found == wanted, f"{what}: {wanted}", f"        found {found!r}\n{why}")

    def has(self, text, part, what):
        return self.check(part in text, f"{what}: {part!r}", "\n".join("        | " + line for line in text.splitlines()[:40]))
