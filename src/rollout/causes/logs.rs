//! What only the application's own last lines tell: a few well-known ones, each told by words that hardly stand for anything
//! else. Words are lower case and compared in any case.

use super::{Cause, NONE, pages};

pub const CAUSES: &[Cause] = &[
    Cause {
        name: "heap-exhausted",
        title: "the runtime's own heap is exhausted",
        headline: "the heap of the runtime in {container|the container} is exhausted",
        meaning: "Not the container's limit but the runtime's own was reached.",
        fixes: &[
            "give the runtime more (`NODE_OPTIONS=--max-old-space-size=…`, `-XX:MaxRAMPercentage=…`)[; the container may take {memory}]",
            "look for what holds on to memory",
        ],
        page: pages::MEMORY,
        logs: &[
            &["javascript heap out of memory"],
            &["java.lang.outofmemoryerror"],
        ],
        source: "https://nodejs.org/api/cli.html",
        ..NONE
    },
    Cause {
        name: "port-taken-in-the-task",
        title: "two containers of the task want the same port",
        headline: "{container|the container} finds its port taken",
        meaning: "Containers of one task share a network: two that listen on the same port do not fit, and neither do two processes of one container.",
        fixes: &["let one of them listen on another port, and set `containerPort` to it"],
        page: pages::PARAMETERS,
        logs: &[&["eaddrinuse"], &["address already in use"]],
        source: "https://nodejs.org/api/errors.html",
        ..NONE
    },
    Cause {
        name: "missing-permission-in-the-container",
        title: "the container's user lacks a permission",
        headline: "the user of {container|the container} lacks a permission",
        meaning: "A file, a directory or a port below 1024 is not for the user that the container runs as.",
        fixes: &[
            "give files and directories to that user in the Dockerfile (`COPY --chown=…`), and mount volumes that it may write to",
            "listen on a port above 1023, and set `containerPort` to it",
        ],
        page: pages::PARAMETERS,
        logs: &[
            &["eacces"],
            &["permission denied"],
            &["operation not permitted"],
        ],
        source: "https://nodejs.org/api/errors.html",
        ..NONE
    },
    Cause {
        name: "module-missing",
        title: "a module is missing in the image",
        headline: "a module that {container|the container} needs is missing in the image",
        meaning: "The application's dependencies are not all in the image, or not where it looks for them.",
        fixes: &[
            "install dependencies in the image's last stage, and look at what `.dockerignore` leaves out",
            "a dependency for development only is not installed with `NODE_ENV=production`",
        ],
        page: pages::STOPPED,
        logs: &[
            &["cannot find module"],
            &["modulenotfounderror"],
            &["cannot load such file"],
            &["noclassdeffounderror"],
            &["error while loading shared libraries"],
        ],
        source: "https://nodejs.org/api/errors.html",
        ..NONE
    },
    Cause {
        name: "login-refused",
        title: "a database refuses the login",
        headline: "a database refuses the login of {container|the container}",
        meaning: "It is reached, and user or password are not what it knows.",
        fixes: &[
            "check the secret that the container gets, and whether the password was changed since",
        ],
        page: pages::SECRETS,
        logs: &[
            &["password authentication failed"],
            &["access denied for user"],
            &["wrongpass"],
        ],
        source: "https://www.postgresql.org/docs/current/client-authentication-problems.html",
        ..NONE
    },
    Cause {
        name: "name-not-resolved",
        title: "the application cannot resolve a host name",
        headline: "{container|the container} cannot resolve the name of what it connects to",
        meaning: "The name is misspelt, belongs to another VPC, or the VPC does not resolve names.",
        fixes: &["check the host name in the container's environment, and DNS support of the VPC"],
        page: pages::STOPPED,
        logs: &[
            &["getaddrinfo", "enotfound"],
            &["getaddrinfo", "eai_again"],
            &["could not translate host name"],
            &["name or service not known"],
            &["no such host"],
            &["temporary failure in name resolution"],
        ],
        source: "https://nodejs.org/api/errors.html",
        ..NONE
    },
    Cause {
        name: "dependency-refuses-connections",
        title: "what the application connects to is not reached",
        headline: "what {container|the container} connects to is not reached",
        meaning: "A database or another service refuses the connection or does not answer. In a task, localhost is the task itself.",
        fixes: &[
            "check host and port in the container's environment",
            "let the tasks' security group into that of the database, on its port",
        ],
        page: pages::STOPPED,
        logs: &[
            &["econnrefused"],
            &["connection refused"],
            &["etimedout"],
            &["could not connect to server"],
            &["connection timed out"],
            &["communications link failure"],
        ],
        source: "https://nodejs.org/api/errors.html",
        ..NONE
    },
    Cause {
        name: "listens-on-localhost",
        title: "the application listens on localhost only",
        headline: "{container|the container} listens on localhost only",
        meaning: "On 127.0.0.1 it is reached from inside the task alone, not by the load balancer.",
        fixes: &["let it listen on 0.0.0.0 and port {port|of `containerPort`}"],
        page: pages::UNHEALTHY,
        logs: &[
            &["listening", "127.0.0.1"],
            &["listening", "localhost:"],
            &["listening", "[::1]"],
            &["running on http://127.0.0.1"],
            &["running on http://localhost"],
            &["started server on", "localhost:"],
            &["serving", "127.0.0.1"],
        ],
        source: "https://flask.palletsprojects.com/en/stable/quickstart/",
        ..NONE
    },
];
