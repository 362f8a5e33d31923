"""A tiny workspace, made by the real code: two runs with predictions, scores and a sweep, and a clip without truth.

And the browser of the tests that need one.
"""

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.workbench.live_clip import Site, serve
from tests.workbench.live_tab import PATIENCE, PRELUDE, Tab
from vspwlib.config import override
from vspwlib.ensemble.result import SweepResult
from vspwlib.labels import NUM_CLASSES, id_to_raw, raw_to_id
from vspwlib.metrics.iou import confusion, miou
from vspwlib.metrics.summary import SplitScore
from vspwlib.pipeline.ensembling import sweep
from vspwlib.pipeline.scoring import score
from vspwlib.predict.labels import StoreLabels
from vspwlib.predict.store import ScoreStore
from vspwlib.recipes import recipe
from vspwlib.runs import Workspace, environment, read_json, scores_file

FIRST, SECOND = "alpha", "beta"
VIDEOS = ("walk", "yard")
FRAMES = ("00000004", "00000005", "00000007")
SIZE = (32, 48)
CLASSES = (0, 21, 66, 123)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def write_tree(root: Path, rng: np.random.Generator) -> dict[tuple[str, str], np.ndarray]:
    """Write a VSPW tree of one split, ``test2``; return the true ids of each frame."""
    truth = {}
    for video in VIDEOS:
        for folder in ("origin", "mask"):
            (root / "data" / video / folder).mkdir(parents=True)
        for frame in FRAMES:
            cells = rng.choice(CLASSES, (4, 6)).astype(np.uint8)
            ids = cells.repeat(8, axis=0).repeat(8, axis=1)
            ids[:2, :5] = 255
            colours = rng.integers(0, 256, (*SIZE, 3)).astype(np.uint8)
            Image.fromarray(colours).save(root / "data" / video / "origin" / f"{frame}.jpg", quality=95)
            Image.fromarray(id_to_raw(ids)).save(root / "data" / video / "mask" / f"{frame}.png")
            truth[video, frame] = ids
    (root / "test2.txt").write_text("\n".join(VIDEOS))
    return truth


def write_predictions(
    workspace: Workspace, run: str, root: Path, split: str, truth: dict[tuple[str, str], np.ndarray], seed: int
) -> Path:
    """Store scores that lean towards the truth of each frame, or are random where there is none."""
    rng = np.random.default_rng(seed)
    path = workspace.predictions(run, root.name, split)
    manifest = {"run": run, "dataset": root.name, "split": split, "data_root": str(root)}
    store = ScoreStore.create(path, {**manifest, "weights": f"w{seed}", "predict": {}, "commit": "abc123"})
    for video in dict.fromkeys(video for video, _ in truth):
        frames = [frame for name, frame in truth if name == video]
        scores = []
        for frame in frames:
            grid = truth[video, frame][2::4, 2::4]
            noise = rng.normal(0, 1, (NUM_CLASSES, *grid.shape))
            scores.append(noise + 3 * (np.arange(NUM_CLASSES)[:, None, None] == grid))
        store.write_video(video, frames, [truth[video, frame].shape for frame in frames], scores)
    return path


def write_run(workspace: Workspace, name: str, root: Path, *, seed: int) -> None:
    """Write a finished run: its configuration, log and (empty) weights."""
    resolved = override(recipe("t3_nce2", "mini", seed=seed), {"train.iterations": "300"})
    config = {"schema": 1, "recipe": resolved.to_dict()}
    run = workspace.create_run(name, {**config, "data": {"vspw": str(root)}}, environment(), overwrite=False)
    for step in (100, 200, 300):
        run.append_log({"kind": "train", "step": step, "loss": 300 / step + seed, "lr": 1e-3, "time": 0.0})
    run.append_log({"kind": "val", "step": 300, "miou": 0.25, "pixel_acc": 0.5, "seconds": 1.0, "time": 0.0})
    (run.checkpoints / "last.safetensors").touch()


@pytest.fixture(scope="session")
def finished_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a workspace that tests only read."""
    folder = tmp_path_factory.mktemp("workbench")
    root, clips = folder / "vspw", folder / "clips"
    truth = write_tree(root, np.random.default_rng(0))
    workspace = Workspace(folder / "workspace")
    for seed, name in enumerate((FIRST, SECOND)):
        write_run(workspace, name, root, seed=seed)
        store = write_predictions(workspace, name, root, "test2", truth, seed)
        score(store, root, "test2")
    sweep(workspace, FIRST, SECOND, "vspw", "test2", device="cpu")

    for video, frame in truth:  # the same frames once more as loose clips, which have no masks
        (clips / video / "origin").mkdir(parents=True, exist_ok=True)
        image = f"{frame}.jpg"
        shutil.copy(root / "data" / video / "origin" / image, clips / video / "origin" / image)
    write_predictions(workspace, FIRST, clips, "all", truth, 7)
    return workspace


@pytest.fixture
def workspace(finished_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return a copy of the workspace that a test may change; the app of this test opens it."""
    copy = Workspace(tmp_path / "workspace")
    shutil.copytree(finished_workspace.path, copy.path)
    monkeypatch.setenv("VSPW_WORKSPACE", str(copy.path))
    return copy


@dataclass(frozen=True)
class Measured:
    """What the files of a workspace say, read without the app."""

    workspace: Workspace

    def score(self, run: str) -> SplitScore:
        path = scores_file(self.workspace.predictions(run, "vspw", "test2"))
        return SplitScore.from_json(read_json(path, "scores"))

    def sweep(self) -> SweepResult:
        return SweepResult.from_json(read_json(self.workspace.sweep_file(FIRST, SECOND, "vspw", "test2"), "sweep"))

    def frame_miou(self, run: str, video: str, frame: str) -> str:
        """Score one frame by the store and the mask file, and write it as the app does."""
        store = ScoreStore.open(self.workspace.predictions(run, "vspw", "test2"))
        mask = Path(store.manifest["data_root"]) / "data" / video / "mask" / f"{frame}.png"
        truth = raw_to_id(np.asarray(Image.open(mask)))
        return f"mIoU {100 * miou(confusion(StoreLabels(store).labels(video, frame), truth)):.2f} %"


@pytest.fixture
def measured(workspace: Workspace) -> Measured:
    return Measured(workspace)


@pytest.fixture
def open_page(repository: Path) -> Callable[..., AppTest]:
    """Return a function that opens a page as a link does: its name, then the parameters of the URL."""

    def open_page(page: str, **parameters: str) -> AppTest:
        app = AppTest.from_file(str(repository / "workbench" / "main.py"), default_timeout=60)
        if page != "overview":  # the tester knows the pages only once the first one has run
            app.run().switch_page(f"views/{page}.py")
        for name, value in parameters.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception
        return app

    return open_page


@pytest.fixture
def texts() -> Callable[[AppTest], str]:
    """Return a function that gives everything a page says in words."""

    def texts(app: AppTest) -> str:
        elements = (*app.markdown, *app.info, *app.error, *app.warning, *app.caption, *app.code)
        return "\n".join(str(element.value) for element in elements)

    return texts


@pytest.fixture
def live() -> Callable[[AppTest], dict[str, Any]]:
    """Return a function that gives what a page hands to its live view: base, state, actions."""

    def live(app: AppTest) -> dict[str, Any]:
        (view,) = app.get("bidi_component")
        return json.loads(view.proto.json)

    return live


@pytest.fixture
def panes() -> Callable[[AppTest], list[str]]:
    """Return a function that gives the titles of a page's pictures."""

    def panes(app: AppTest) -> list[str]:
        return [image.proto.imgs[0].alt for image in app.image]

    return panes


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Yield Debian's Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra `dev`)")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Site]:
    with serve() as site:
        yield site


@pytest.fixture
def site(server: Site) -> Site:
    """Return the site, with nothing in it."""
    for part in (server.clips, server.broken, server.delays, server.asked):
        part.clear()
    return server


@pytest.fixture(scope="module")
def context(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def tab(context: Any, site: Site) -> Iterator[Tab]:
    """Yield a page without views; afterwards nothing may have gone wrong on it unseen."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(site.address)
    page.wait_for_function("() => window.ready")
    yield Tab(page, site)
    page.close()
    assert wrong == []


@pytest.fixture
def run_js(context: Any, site: Site) -> Iterator[Callable[..., Any]]:
    """Yield a function that runs the body of an async JavaScript function with named arguments, beside the sources."""
    page = context.new_page()
    page.goto(site.address)

    def run_js(body: str, **arguments: Any) -> Any:
        plain = {
            name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
            for name, value in arguments.items()
        }
        return page.evaluate(f"async ({{ {', '.join(plain)} }}) => {{ {PRELUDE} {body} }}", plain)

    yield run_js
    page.close()
