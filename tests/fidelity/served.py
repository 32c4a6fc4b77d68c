"""A served sandbox for other people's clients: starts `shipway sandbox`, takes its `export` lines, stops it again.

Knows: the command's output. Does not know what is asked of it.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading

EXPORT = re.compile(r"export ([A-Z_]+)='([^']*)'")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def sandbox(world_file):
    """The environment that points any client at it; a ready line ends the output that is read."""
    command = [os.environ["SHIPWAY"], "sandbox", "--world", str(world_file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    reader = None
    try:
        variables, said = {}, []
        for line in process.stdout:
            said.append(line)
            variables.update(EXPORT.findall(line))
            if line.startswith("Serving "):
                break
        else:
            raise SystemExit("shipway sandbox did not come up:\n" + "".join(said))
        # It must never wait for a reader.
        reader = threading.Thread(target=process.stdout.read, daemon=True)
        reader.start()
        yield variables
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        # Its output ended with it.
        if reader is not None:
            reader.join()
        process.stdout.close()
