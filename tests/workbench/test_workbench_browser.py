"""The app as a user meets it: a real server, a real browser, every page by a click."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.streamlit_server import free_port, run_streamlit
from vspwlib.ensemble.result import SweepResult
from vspwlib.runs import Workspace, read_json
from workbench.worst import ANCHOR

pytestmark = pytest.mark.browser

PATIENCE = 60_000  # milliseconds; a loaded machine is slow, not broken


@pytest.fixture(scope="module")
def address(finished_workspace: Workspace, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a server on the tiny workspace."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with run_streamlit(repository / "app.py", log, {"VSPW_WORKSPACE": str(finished_workspace.path)}) as url:
        yield url


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """Yield a fresh tab on the first page; afterwards no page may have shown a stack trace."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    tab.goto(address)
    yield tab
    assert tab.get_by_test_id("stException").count() == 0
    context.close()


def go_to(page: Any, name: str) -> None:
    page.get_by_test_id("stTopNav").get_by_role("link", name=name).click()


def wait_for_clip(page: Any, panes: int) -> None:
    """Wait until the live view stands on the page with so many pictures, and its figures."""
    page.get_by_test_id("live-view").wait_for()
    page.wait_for_function(
        """count => {
            const hosts = [...document.querySelectorAll('[data-testid=stBidiComponentRegular], *')];
            const roots = [document, ...hosts.map(host => host.shadowRoot).filter(Boolean)];
            const shown = roots.flatMap(root => [...root.querySelectorAll('canvas[data-testid^=pane-]')]);
            return shown.filter(canvas => canvas.offsetParent !== null && canvas.width > 0).length === count;
        }""",
        arg=panes,
    )


def test_every_page_opens_by_a_click(page: Any) -> None:
    page.get_by_role("heading", name="Runs").wait_for()
    page.get_by_test_id("stPlotlyChart").wait_for()
    go_to(page, "Clips")
    wait_for_clip(page, 4)
    go_to(page, "Ensemble")
    page.get_by_text(re.compile(r"Best, τ = 0\.\d+ \(upper bound\)")).first.wait_for()
    wait_for_clip(page, 6)
    go_to(page, "Classes")
    page.get_by_role("heading", name="Most frequent mistakes").wait_for()
    page.get_by_test_id("stDataFrame").nth(1).wait_for()
    page.get_by_role("link", name="Frames to look at").click()
    page.locator(f"#{ANCHOR}").wait_for()
    go_to(page, "Embedding")
    page.get_by_role("button", name="Compute").wait_for()


def test_arrow_keys_step_through_frames_and_the_url_follows(page: Any) -> None:
    go_to(page, "Clips")
    wait_for_clip(page, 4)
    page.get_by_test_id("live-view").focus()
    for key, frame in (("ArrowRight", 5), ("ArrowRight", 7), ("ArrowLeft", 5)):
        page.keyboard.press(key)
        page.wait_for_function(
            "frame => new URLSearchParams(location.search).get('frame') === frame", arg=f"0000000{frame}"
        )


def test_comparing_is_one_click_and_a_link_restores_it(page: Any) -> None:
    go_to(page, "Clips")
    wait_for_clip(page, 4)
    page.get_by_text("Compare", exact=True).click()
    wait_for_clip(page, 6)
    page.reload()
    wait_for_clip(page, 6)


def test_the_figure_at_rest_is_the_score_of_that_tau(page: Any, finished_workspace: Workspace) -> None:
    """The split's mIoU beside the slider is the exact curve's, which tests hold to `vspw score` of what is written."""
    go_to(page, "Ensemble")
    wait_for_clip(page, 6)
    page.goto(f"{page.url.split('?')[0]}?tau=0.25")
    wait_for_clip(page, 6)
    found = SweepResult.from_json(read_json(finished_workspace.sweep_file("alpha", "beta", "vspw", "test2"), "sweep"))
    shown = float(page.get_by_test_id("split-miou-value").first.get_attribute("data-value"))
    assert abs(shown - found.at(0.25)) < 1e-6


def test_a_table_goes_out_as_our_csv_and_not_as_streamlits(page: Any) -> None:
    """Streamlit's own download writes texts that a spreadsheet runs as formulas."""
    page.get_by_role("heading", name="Runs").wait_for()
    page.get_by_test_id("stDataFrame").first.hover()
    page.get_by_role("button", name=re.compile("Search")).first.wait_for()  # the toolbar is there
    assert page.locator("button[aria-label^='Download as CSV']").count() > 0, "Streamlit has renamed it"
    assert not page.locator("button[aria-label^='Download as CSV']").first.is_visible()
    assert page.get_by_role("button", name="CSV", exact=True).is_visible()


def test_a_clip_goes_on_after_the_server_was_started_anew(
    browser: Any, finished_workspace: Workspace, repository: Path, tmp_path: Path
) -> None:
    started = (
        repository / "app.py",
        tmp_path / "log.txt",
        {"VSPW_WORKSPACE": str(finished_workspace.path)},
        free_port(),
    )
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    shown = """index => [...document.querySelectorAll('*')].map(one => one.shadowRoot).filter(Boolean)
        .some(root => root.querySelector('[data-testid=live-view]')?.__live?.view.shown === index)"""
    with run_streamlit(*started) as url:
        page.goto(f"{url}/clips")
        wait_for_clip(page, 4)
        page.wait_for_load_state("networkidle")
    page.get_by_test_id("live-view").focus()
    page.keyboard.press("ArrowRight")  # a frame that was read ahead needs no server
    page.wait_for_function(shown, arg=1)
    with run_streamlit(*started):
        page.get_by_text("Connecting").wait_for(state="hidden")
        page.get_by_test_id("live-view").focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(shown, arg=2)
        page.locator("[data-test-connection-state=CONNECTED][data-test-script-state=notRunning]").wait_for()
        go_to(page, "Classes")
        page.get_by_role("heading", name="Most frequent mistakes").wait_for()
        assert page.get_by_test_id("stException").count() == 0
    context.close()
