"""Streamlit as a user starts it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert server.poll() is None, f"the server ended:\n{log.read_text()}"
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the server did not answer:\n{log.read_text()}")


@contextmanager
def run_streamlit(app: Path, log: Path, environment: Mapping[str, str], port: int | None = None) -> Iterator[str]:
    """Serve an app, on a free port unless one is named, from the root of the checkout; yield its address."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(app)]
    options = ["--server.headless", "true", "--server.port", str(port), "--server.fileWatcherType", "none"]
    places = {**os.environ, **environment, "PYTHONPATH": str(REPOSITORY)}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*command, *options], cwd=REPOSITORY, env=places, stdout=output, stderr=subprocess.STDOUT
        ) as server,
    ):
        try:
            url = f"http://localhost:{port}"
            wait_until_healthy(url, server, log)
            yield url
        finally:
            server.terminate()
