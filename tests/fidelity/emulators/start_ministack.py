"""Starts ministack with one change: repositories are named by the address at which it really serves them.

It answers `<account>.dkr.ecr.<region>.amazonaws.com/<name>`, which the Docker engine reaches only with a certificate
authority of its own in the system's configuration. An engine talks plain HTTP to 127.0.0.0/8. What is changed is a name in
answers: the registry, its protocol and everything else are ministack's.
"""

import os

from ministack.services import ecr

HOST = f"127.0.0.1:{os.environ['GATEWAY_PORT']}"

if not callable(getattr(ecr, "_repo_uri", None)):
    raise SystemExit("this ministack names repositories elsewhere: look at ministack.services.ecr")
ecr._repo_uri = lambda name: f"{HOST}/{name}"

from ministack.app import main  # noqa: E402  (after the change)

main()
