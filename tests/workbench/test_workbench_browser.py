"""The app as a user meets it: a real server, a real browser, every page by a click."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.streamlit_server import run_streamlit
from vspwlib.runs import Workspace

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


def wait_for_pictures(page: Any, count: int) -> None:
    """Wait until so many pictures stand on the page, decoded."""
    script = """count => {
        const images = [...document.querySelectorAll('[data-testid=stImage] img')];
        return images.length === count && images.every(image => image.complete && image.naturalWidth > 0);
    }"""
    page.wait_for_function(script, arg=count)


def wait_for_link(page: Any, query: str) -> None:
    page.wait_for_function("query => location.search === query", arg=query)


def test_every_page_opens_by_a_click(page: Any) -> None:
    page.get_by_role("heading", name="Runs").wait_for()
    page.get_by_test_id("stPlotlyChart").wait_for()
    go_to(page, "Clips")
    wait_for_pictures(page, 4)
    page.get_by_text("pixel accuracy").wait_for()
    go_to(page, "Ensemble")
    page.get_by_text(re.compile(r"Best, τ = 0\.\d+ \(upper bound\)")).first.wait_for()
    wait_for_pictures(page, 4)
    go_to(page, "Classes")
    page.get_by_role("heading", name="Most frequent mistakes").wait_for()
    page.get_by_test_id("stDataFrame").nth(1).wait_for()
    go_to(page, "Embedding")
    page.get_by_role("button", name="Compute").wait_for()


def test_arrow_keys_step_through_frames_and_the_url_follows(page: Any) -> None:
    go_to(page, "Clips")
    wait_for_pictures(page, 4)
    page.keyboard.press("ArrowRight")
    wait_for_link(page, "?frame=00000005")
    page.keyboard.press("ArrowRight")
    wait_for_link(page, "?frame=00000007")
    page.keyboard.press("ArrowLeft")
    wait_for_link(page, "?frame=00000005")


def test_comparing_is_one_click_and_a_link_restores_it(page: Any) -> None:
    go_to(page, "Clips")
    wait_for_pictures(page, 4)
    page.get_by_text("Compare", exact=True).click()
    wait_for_pictures(page, 5)
    wait_for_link(page, "?compare=true")
    page.reload()
    wait_for_pictures(page, 5)
    page.get_by_text("B · beta").wait_for()


def test_tau_is_moved_by_keys_and_moves_nothing_else(page: Any) -> None:
    go_to(page, "Ensemble")
    wait_for_pictures(page, 4)
    page.get_by_role("slider", name="τ, weight of P1").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.get_by_text("Fused, τ = 0.99").wait_for()
    page.wait_for_timeout(500)  # for an update of the frame, which must not come
    assert "tau=0.99" in page.url
    assert "frame=" not in page.url
