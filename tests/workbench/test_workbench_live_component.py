"""The live view as a Streamlit component: in a real server and browser, and without one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from streamlit.testing.v1 import AppTest

from tests.workbench.live_clip import Clip
from tests.workbench.live_tab import PATIENCE
from tests.workbench.streamlit_server import run_streamlit

HERE = Path(__file__).parent


def test_a_page_runs_without_a_browser_and_gets_its_own_state_back() -> None:
    page = AppTest.from_file(str(HERE / "live_page.py"), default_timeout=60)
    page.query_params["state"] = json.dumps({"tau": 0.25})
    page.run()
    assert not page.exception
    assert json.loads(page.code[0].value) == {"state": {"tau": 0.25}, "action": None, "runs": 1}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[str]:  # a skip costs no server
    with run_streamlit(HERE / "live_app.py", tmp_path_factory.mktemp("live") / "log.txt", {}) as url:
        yield url


@pytest.fixture
def page(context: Any, address: str) -> Iterator[Any]:
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.address = address
    yield page
    assert page.get_by_test_id("stException").count() == 0
    page.close()
    assert wrong == []


def told(page: Any) -> dict:
    return json.loads(page.get_by_test_id("stCode").inner_text())


def wait_until_told(page: Any, text: str) -> dict:
    page.get_by_test_id("stCode").get_by_text(text).wait_for()
    return told(page)


@pytest.mark.browser
def test_settled_changes_reach_python_and_do_not_come_back(page: Any) -> None:
    page.goto(page.address)
    page.get_by_test_id("pane-fused").wait_for()
    page.wait_for_timeout(400)
    assert told(page) == {"state": {}, "action": None, "runs": 1}  # mounting tells nothing
    view = page.get_by_test_id("live-view")
    mark = view.evaluate("view => (window.first = view).__live.counters.painted")
    assert mark > 0
    view.focus()
    for key in ("ArrowRight", "ArrowRight", "[", "]", "]"):
        page.keyboard.press(key)
    found = wait_until_told(page, '"frame": "00000012"')
    tau = round(Clip("pair").curve.best()[0], 3) + 0.01
    assert found["state"]["tau"] == pytest.approx(tau, abs=0.0011)
    assert found["runs"] <= 3
    assert page.evaluate("() => window.first.isConnected")  # drawn on, not anew
    assert view.evaluate("view => view.__live.view.getState().frame") == "00000012"


@pytest.mark.browser
def test_a_button_reaches_python_once(page: Any) -> None:
    page.goto(page.address)
    page.get_by_role("button", name="MP4").click()
    told_with_it = wait_until_told(page, '"action": "mp4"')["state"]
    shown = page.get_by_test_id("live-view").evaluate("view => view.__live.view.getState()")
    assert told_with_it == shown  # though nothing was changed before: the best tau is not in any link yet
    assert 0 <= told_with_it["tau"] <= 1
    page.get_by_test_id("live-view").focus()
    page.keyboard.press("End")
    assert wait_until_told(page, '"frame": "00000015"')["action"] is None


@pytest.mark.browser
def test_a_link_restores_the_view(page: Any) -> None:
    state = {"frame": "00000013", "tau": 0.4, "panes": ["truth", "fused"]}
    page.goto(f"{page.address}/?state={quote(json.dumps(state))}")
    page.get_by_test_id("pane-fused").wait_for()
    found = page.get_by_test_id("live-view").evaluate("view => view.__live.view.getState()")
    assert {name: found[name] for name in state} == state


@pytest.mark.browser
def test_another_clip_under_the_same_key_replaces_the_first(page: Any) -> None:
    page.goto(page.address)
    page.get_by_test_id("pane-fused").wait_for()
    page.get_by_test_id("stSelectbox").locator("input").fill("single")
    page.keyboard.press("Enter")
    page.get_by_test_id("tau-slider").wait_for(state="detached")
    page.get_by_test_id("pane-a").wait_for()
    assert page.get_by_test_id("live-view").count() == 1
