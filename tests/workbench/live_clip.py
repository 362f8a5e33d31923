"""Small clips for the live view, made of random fields, and a server that answers for them as the app does."""

import io
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.ensemble.curve import tau_curve
from vspwlib.ensemble.envelope import Envelope, envelope
from vspwlib.ensemble.joint import JointFrame, joint_frame_of_bands
from vspwlib.labels import CLASS_NAMES, palette
from vspwlib.metrics.iou import confusion, miou
from workbench.live.container import frame_pack
from workbench.live.join import joined

LIVE = Path(__file__).resolve().parents[2] / "workbench" / "live"
CLASSES = 9
VOID_ROWS = 2


def probabilities(rng: np.random.Generator, size: tuple[int, int], shared: np.ndarray) -> np.ndarray:
    """Softmax fields (K, H, W) float32 that lean towards shared scores: runs that mostly agree."""
    scores = 2 * (shared + rng.normal(size=shared.shape)).repeat(4, 1).repeat(4, 2)[:, : size[0], : size[1]]
    return (np.exp(scores) / np.exp(scores).sum(axis=0)).astype(np.float32)


@dataclass
class Clip:
    """A clip of random fields: what its frames are made from, and its resources by name.

    The image of frame i is flat, of grey level ``10 * i``, so that a picture tells which frame it is of.
    """

    kind: str = "pair"
    count: int = 6
    size: tuple[int, int] = (24, 40)
    runs: int = 2
    seed: int = 0
    truth_missing: tuple[int, ...] = ()
    fields: list[list[np.ndarray]] = field(default_factory=list)
    truths: list[np.ndarray | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        coarse = (CLASSES, -(-self.size[0] // 4), -(-self.size[1] // 4))
        for index in range(self.count):
            shared = rng.normal(size=coarse)
            self.fields.append([probabilities(rng, self.size, shared) for _ in range(self.runs)])
            truth = probabilities(rng, self.size, shared).argmax(axis=0).astype(np.uint8)
            truth[:VOID_ROWS] = 255
            self.truths.append(None if index in self.truth_missing else truth)

    @cached_property
    def contents(self) -> list[np.ndarray | Envelope | JointFrame]:
        """What the packs hold."""
        if self.kind == "single":
            return [p[0].argmax(axis=0).astype(np.uint8) for p in self.fields]
        if self.kind == "pair":
            return [envelope(*p) for p in self.fields]
        import torch

        return [joint_frame_of_bands([[torch.from_numpy(one) for one in p]], self.size) for p in self.fields]

    def labels(self, index: int, tau: float) -> np.ndarray:
        """The fused labels of a frame of a pair."""
        return self.contents[index].labels(tau)

    def miou(self, labels: np.ndarray, index: int) -> float:
        return miou(confusion(labels, self.truths[index]))

    @cached_property
    def curve(self):
        scored = [i for i, truth in enumerate(self.truths) if truth is not None]
        return tau_curve([self.contents[i] for i in scored], [self.truths[i] for i in scored])

    def metadata(self) -> dict:
        height, width = self.size
        frames = [
            {"name": f"{10 + index:08d}", "width": width, "height": height, "truth": truth is not None}
            for index, truth in enumerate(self.truths)
        ]
        curve = None
        if self.kind == "pair" and any(truth is not None for truth in self.truths):
            tau, best = self.curve.best()
            scores = [self.curve.miou(k / 1000) for k in range(1001)]
            curve = {"miou": scores, "best": {"tau": tau, "miou": best}}
        colours = {name: bytes(palette(name)[:124].reshape(-1)).hex() for name in ("glasbey", "dataset")}
        runs = [{"name": f"run-{'abcdefgh'[index]}", "short": "ABCDEFGH"[index]} for index in range(self.runs)]
        return {
            "version": 1, "video": "walk", "split": "vspw-test2", "key": "0", "fps": 15, "frames": frames,
            "classes": list(CLASS_NAMES), "palettes": colours, "runs": runs, "kind": self.kind, "grid": 1000,
            "approximate": self.kind == "joint", "curve": curve,
        }  # fmt: skip

    def timeline(self) -> dict:
        shorts = "ABCDEFGH"[: self.runs]
        values = {run: [(index + at) / 20 for index in range(self.count)] for at, run in enumerate(shorts)}
        series = [{"key": f"miou.{r}", "label": f"mIoU of {r}", "unit": "%", "values": values[r]} for r in shorts]
        disagreement = [None, *[0.25] * (self.count - 1)]
        series.append({"key": "disagreement", "label": "disagreement", "unit": "%", "values": disagreement})
        fused = {"taus": 3, "values": [[index / 10 + 0.02 * tau for tau in range(3)] for index in range(self.count)]}
        return {"series": series, "frame_miou": fused if self.kind == "pair" else None, "worst": {"miou.A": [0, 1]}}

    def scores(self, index: int, x: int, y: int) -> dict:
        truth = self.truths[index]
        runs = [p[:, y, x].tolist() for p in self.fields[index]]
        return {"x": x, "y": y, "truth": None if truth is None else int(truth[y, x]), "runs": runs}

    def resource(self, name: str) -> tuple[bytes, str]:
        """Answer for a name, as a notebook's clip does."""
        if name in {"clip.json", "timeline.json"}:
            value = self.metadata() if name == "clip.json" else self.timeline()
            return json.dumps(value).encode(), "application/json"
        if name.startswith("scores/"):
            return json.dumps(self.scores(*map(int, name.split("/")[1:]))).encode(), "application/json"
        index, _, kind = name.partition(".")
        if not index.isdigit() or int(index) >= self.count or kind not in {"jpg", "bin"}:
            raise InputError(f"resource: expected a frame of the clip, got {name}.")
        if kind == "bin":
            return frame_pack(self.contents[int(index)], self.truths[int(index)]), "application/octet-stream"
        file = io.BytesIO()
        Image.new("RGB", self.size[::-1], (10 * int(index),) * 3).save(file, "JPEG", quality=95)
        return file.getvalue(), "image/jpeg"


PAGE = """<!doctype html><meta charset="utf-8"><title>live view</title><link rel="stylesheet" href="/live_view.css">
<style>body { margin: 8px; background: #fff; color: #222 }</style><button id="outside">outside</button>
<script type="module">
import { LiveView, httpSource } from "/live_view.js";
window.states = [];
window.actions = [];
window.open_view = (key, options = {}) => {
  const parent = document.createElement("div");
  parent.id = `view-${document.querySelectorAll("[id^=view-]").length}`;
  document.body.append(parent);
  return new LiveView(parent, httpSource(`/packs/${key}`), {
    onState: (state) => window.states.push(state), onAction: (name) => window.actions.push(name), ...options,
  });
};
window.ready = true;
</script>"""


@dataclass
class Site:
    """What the server answers; tests put clips in and break names.

    Attributes:
        clips: Clips by key.
        broken: What comes instead of a resource, by key/name: bytes, or None for status 404.
        delays: Seconds before an answer, by name.
        asked: Names of all packs that were asked for.
    """

    clips: dict[str, Clip] = field(default_factory=dict)
    broken: dict[str, bytes | None] = field(default_factory=dict)
    delays: dict[str, float] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def answer(self, path: str) -> tuple[int, bytes, str]:
        if path == "/":
            return 200, PAGE.encode(), "text/html"
        if path == "/live_view.js":
            return 200, joined().encode(), "text/javascript"
        if not path.startswith("/packs/"):
            file = LIVE / path[1:]
            if not file.is_file():
                return 404, b"", "text/plain"
            return 200, file.read_bytes(), {"css": "text/css", "js": "text/javascript"}[file.suffix[1:]]
        name = path.removeprefix("/packs/")
        key, _, resource = name.partition("/")
        self.asked.append(name)
        time.sleep(self.delays.get(resource, 0))
        if name in self.broken and (data := self.broken[name]) is not None:
            return 200, data, "application/octet-stream"
        if name in self.broken:
            error = {"expected": "a stored frame", "got": "nothing", "where": resource, "fix": "predict it again"}
            return 404, json.dumps({"error": error}).encode(), "application/json"
        return 200, *self.clips[key].resource(resource)


class Server(ThreadingHTTPServer):
    """A server that takes it calmly when a browser no longer wants an answer."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serve() -> Iterator[Site]:
    """Serve the page and the packs on a free port."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body, kind = site.answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
