"""Starts ministack with one change: ECR's answers name the address at which ministack really serves its registry.

It answers `<account>.dkr.ecr.<region>.amazonaws.com` (in `repositoryUri` and `downloadUrl`), which would be reached only with
a certificate authority and a host name of its own in the system's configuration, while an engine talks plain HTTP to
127.0.0.0/8. What is changed is a host in answers: the registry, its protocol and everything else are ministack's.
"""

import os
import re

from ministack.app import main
from ministack.services import ecr

HOST = f"127.0.0.1:{os.environ['GATEWAY_PORT']}".encode()
NAMED = re.compile(rb"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com")

answer = ecr.handle_request


async def answer_with_reachable_hosts(*request):
    status, headers, body = await answer(*request)
    body = re.sub(rb"https://" + NAMED.pattern, b"http://" + HOST, body)
    return status, headers, NAMED.sub(HOST, body)


ecr.handle_request = answer_with_reachable_hosts
main()
