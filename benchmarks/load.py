"""Twenty people on one server: each scrubs a clip and goes to the next, for two minutes.

    python benchmarks/load.py                          20 sessions, 120 s, 5 frames a second each
    python benchmarks/load.py --sessions 5 --seconds 30

A session is a websocket, as the browser's, on which Streamlit runs the page Ensemble, and requests for the frames of
the clip that the page opens. Nothing is cached by a session, so a frame costs the server each time that it is shown.
The clients share the machine with the server. In the second half three slow clients read 320 bytes a second each.
"""

import argparse
import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import aiohttp
import numpy as np
from app_server import RUNS, VIDEOS, make_workspace, memory_mb, served
from streamlit.proto.BackMsg_pb2 import BackMsg

from vspwlib.report.printing import text_table
from vspwlib.runs import Workspace

PACK = re.compile(rb"packs/([0-9a-f]{32})")
PATIENCE = 60.0  # seconds without a message after which a page that opened no clip is an error


class Taken(NamedTuple):
    """What sessions measured: when it was asked for and what it took, in seconds; when half and all time is up."""

    pages: list[tuple[float, float]]
    frames: list[tuple[float, float]]
    errors: list[str]
    half: float
    until: float


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]]:
    """Yield a client, and its websocket as the browser opens one."""
    async with (
        aiohttp.ClientSession(headers={"Origin": address}) as client,
        client.ws_connect(f"{address}/_stcore/stream", max_msg_size=0) as socket,
    ):
        yield client, socket


async def open_page(socket: aiohttp.ClientWebSocketResponse, video: str) -> str:
    """Ask for the page Ensemble of a video; return the key of the clip that it opens."""
    message = BackMsg()
    message.rerun_script.page_name = "ensemble"
    message.rerun_script.query_string = f"split=data-val&first={RUNS[0]}&second={RUNS[1]}&video={video}"
    await socket.send_bytes(message.SerializeToString())
    while True:
        if found := PACK.search(await asyncio.wait_for(receive(socket), PATIENCE)):
            return found[1].decode()


async def receive(socket: aiohttp.ClientWebSocketResponse) -> bytes:
    """Return the next message."""
    answer = await socket.receive()
    if answer.type is not aiohttp.WSMsgType.BINARY:
        raise ConnectionError(f"the server closed the session: {answer.type.name} {answer.data} {answer.extra}")
    return bytes(answer.data)


async def get(client: aiohttp.ClientSession, address: str) -> None:
    async with client.get(address) as response:
        response.raise_for_status()
        await response.read()


async def session(address: str, number: int, arguments: argparse.Namespace, taken: Taken) -> None:
    """Open clip after clip and go through the frames of each, from one on, until it is time."""
    generator = np.random.default_rng(number)
    try:
        async with connected(address) as (client, socket):
            for turn in count(number):
                asked = time.perf_counter()
                key = await open_page(socket, VIDEOS[turn % len(VIDEOS)])
                taken.pages.append((asked, time.perf_counter() - asked))
                listener = asyncio.create_task(drain(socket))
                base = f"{address}/packs/{key}"
                first = int(generator.integers(arguments.frames))
                for at in (*range(first, arguments.frames), *range(first)):
                    if time.perf_counter() > taken.until:
                        listener.cancel()
                        return
                    asked = time.perf_counter()
                    await asyncio.gather(*(get(client, f"{base}/{at}.{kind}") for kind in ("bin", "jpg")))
                    took = time.perf_counter() - asked
                    taken.frames.append((asked, took))
                    await asyncio.sleep(max(0.0, 1 / arguments.rate - took))
                listener.cancel()
                await asyncio.gather(listener, return_exceptions=True)
    except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
        taken.errors.append(f"session {number}: {error!r}")


async def drain(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Read what Streamlit goes on sending, as a browser would."""
    while True:
        await receive(socket)


async def crawl(address: str, path: str, until: float) -> None:
    """Ask for a frame and read it a few bytes at a time."""
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=256)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    while time.perf_counter() < until:
        await reader.read(64)
        await asyncio.sleep(0.2)
    writer.close()


async def run(address: str, arguments: argparse.Namespace, seconds: float) -> Taken:
    """Run all sessions; in the second half slow clients as well."""
    began = time.perf_counter()
    taken = Taken([], [], [], began + seconds / 2, began + seconds)
    tasks = [asyncio.create_task(session(address, number, arguments, taken)) for number in range(arguments.sessions)]
    async with connected(address) as (_, socket):
        key = await open_page(socket, VIDEOS[0])
    await asyncio.sleep(max(0.0, taken.half - time.perf_counter()))
    slow = [asyncio.create_task(crawl(address, f"/packs/{key}/{number}.bin", taken.until)) for number in range(3)]
    await asyncio.gather(*tasks, *slow)
    return taken


def describe(times: list[tuple[float, float]]) -> list[str]:
    """Return count, median, 95th percentile and longest, in milliseconds."""
    took = 1000 * np.array([took for _, took in times])
    if not len(took):
        return ["0", "–", "–", "–"]
    return [str(len(took)), *(f"{value:.0f}" for value in (np.median(took), np.quantile(took, 0.95), took.max()))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--rate", type=float, default=5, help="frames a second that each session asks for")
    parser.add_argument("--frames", type=int, default=70, help="of each of the two clips")
    parser.add_argument("--folder", type=Path, help="where clips of so many frames are kept for the next time")
    arguments = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        workspace = Workspace(folder / "workspace")
        if not workspace.path.exists():
            make_workspace(folder, arguments.frames)
        with served("app.py", workspace) as (address, process):
            before = memory_mb(process)
            taken = asyncio.run(run(address, arguments, arguments.seconds))
            after = memory_mb(process)
            again = asyncio.run(run(address, arguments, arguments.seconds / 4))
            last = memory_mb(process)
    parts = {
        "pages": taken.pages,
        "frames, first half": [one for one in taken.frames if one[0] < taken.half],
        "frames, beside slow clients": [one for one in taken.frames if one[0] >= taken.half],
        "frames, once more": again.frames,
    }
    heads = ("count", "p50 ms", "p95 ms", "longest ms")
    print(text_table([{"": name, **dict(zip(heads, describe(one), strict=True))} for name, one in parts.items()]))
    print(f"errors: {len(taken.errors) + len(again.errors)}", *taken.errors[:3], *again.errors[:3], sep="\n  ")
    print(f"memory of the server: {before:.0f} MB at first, {after:.0f} after that, {last:.0f} after a second time")


if __name__ == "__main__":
    main()
