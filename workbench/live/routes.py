"""Clips by key, over HTTP: ``/packs/<key>/<name>``, made on demand, kept in the workspace, never changed.

A page opens a clip and hands its key to the browser. What the clip is made of is written under the workspace's
``packs/<key>/``, so that any process of the server answers for it, after a restart too. A key is 32 hex digits and a
name one of a few forms (:mod:`workbench.live.clip`): nothing that a browser sends becomes a path.
"""

import gzip
import re
import shutil
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vspwlib.checks import InputError, fail
from vspwlib.data.writing import write_whole
from vspwlib.runs import Workspace, read_json, write_json
from workbench.live.clip import Clip

PREFIX = "packs"
MOST_OPEN = 32
MOST_BYTES = 2_000_000_000  # of packs in the workspace; the clips that were opened longest ago go first

_KEY = re.compile(r"[0-9a-f]{32}")
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
_FAST = 1  # gzip level: a frame takes 10 ms, and half of the rest would take five times as long
_KEPT = re.compile(r"\d+\.bin|timeline\.json")  # what takes time to make


class Clips:
    """The clips that are open. It is a class because it bounds how many are, across threads."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[str, str], Clip] = OrderedDict()
        self._lock = Lock()

    def add(self, workspace: Workspace, paths: Sequence[Path], video: str) -> Clip:
        """Open a clip and write down what it is made of; one that is open already, and as it was, is that one.

        Args:
            workspace: The workspace.
            paths: Predictions of its runs, among those of the workspace.
            video: Name of the video.

        Raises:
            InputError: as :class:`~workbench.live.clip.Clip`.
        """
        clip = self._unchanged(workspace, paths, video) or Clip(workspace, paths, video)
        folder = _folder(workspace, clip.key)
        if not (folder / "source.json").is_file():
            root = workspace.path.resolve()
            relative = [str(path.resolve().relative_to(root)) for path in paths]
            _prune(workspace)
            write_json(folder / "source.json", {"schema": 1, "paths": relative, "video": video})
        self._keep(workspace, clip)
        return clip

    def get(self, workspace: Workspace, key: str) -> Clip:
        """Return an open clip, opened again where the server has been started anew.

        Raises:
            InputError: no such key, or its predictions have changed since.
        """
        fix = "reload the page."
        if not _KEY.fullmatch(key):
            fail("clip", expected="a key of 32 hex digits", got=repr(key[:40]), fix=fix)
        with self._lock:
            if (found := self._open.get((str(workspace.path), key))) is not None:
                self._open.move_to_end((str(workspace.path), key))
                return found
        source = _folder(workspace, key) / "source.json"
        if not source.is_file():
            fail("clip", expected="one that a page has opened", got=key, fix=fix)
        said = read_json(source, "clip")
        clip = Clip(workspace, [workspace.path / path for path in said["paths"]], said["video"])
        if clip.key != key:
            fail("clip", expected="predictions as they were", got="others since", where=said["video"], fix=fix)
        self._keep(workspace, clip)
        return clip

    def _unchanged(self, workspace: Workspace, paths: Sequence[Path], video: str) -> Clip | None:
        """Return the open clip of these predictions; None where there is none, or anything it was read from changed."""
        wanted = (workspace.path, tuple(paths), video)
        with self._lock:
            newest_first = list(reversed(self._open.values()))
        found = next((clip for clip in newest_first if (clip.workspace.path, clip.paths, clip.video) == wanted), None)
        return found if found is not None and found.stamps() == found.opened else None

    def _keep(self, workspace: Workspace, clip: Clip) -> None:
        with self._lock:
            self._open[str(workspace.path), clip.key] = clip
            self._open.move_to_end((str(workspace.path), clip.key))
            while len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)


CLIPS = Clips()


def answer(workspace: Workspace, key: str, name: str) -> Response:
    """Answer for a resource of a clip: bytes that never change under this address, or a message with status 404."""
    try:
        clip = CLIPS.get(workspace, key)
        if not _KEPT.fullmatch(name):
            content, kind = clip.resource(name)
            return Response(content, media_type=kind, headers=_FOREVER)
        kept = _folder(workspace, key) / f"{name}.gz"
        if not kept.is_file():
            content = gzip.compress(clip.resource(name)[0], _FAST, mtime=0)
            write_whole(kept, lambda path: path.write_bytes(content))
        kind = "application/json" if name.endswith("json") else "application/octet-stream"
        return Response(kept.read_bytes(), media_type=kind, headers={**_FOREVER, "Content-Encoding": "gzip"})
    except InputError as error:
        return JSONResponse({"error": message(error)}, status_code=404)


def message(error: InputError) -> dict[str, str]:
    """Return an error as the live view shows it; where it was found, a path on the server, stays out of it."""
    parts = {"expected": error.expected, "got": error.got, "fix": error.fix}
    return {key: value for key, value in parts.items() if value} or {"got": str(error)}


def _pack(request: Request) -> Response:
    return answer(Workspace.locate(), request.path_params["key"], request.path_params["name"])


ROUTES = [Route(f"/{PREFIX}/{{key}}/{{name:path}}", _pack, methods=["GET"])]


def _folder(workspace: Workspace, key: str) -> Path:
    return workspace.path / PREFIX / key


def _prune(workspace: Workspace) -> None:
    """Remove the packs of clips that were opened longest ago, until the rest is small enough."""
    folders = sorted((workspace.path / PREFIX).glob("*/source.json"), key=lambda path: -path.stat().st_mtime)
    held = 0
    for source in folders:
        held += sum(file.stat().st_size for file in source.parent.iterdir())
        if held > MOST_BYTES:
            shutil.rmtree(source.parent, ignore_errors=True)
