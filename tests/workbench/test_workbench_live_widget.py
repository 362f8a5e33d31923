"""The live view as a widget: questions and answers in Python, and the view on a model in a real browser."""

import base64
import json
from typing import Any

import pytest

from tests.workbench.live_clip import Clip
from tests.workbench.live_tab import PATIENCE, Tab, assert_drawn
from vspwlib.checks import InputError

pytest.importorskip("anywidget", reason="anywidget is not installed (extra `notebooks`)")

from workbench.live.widget import answer, live_view

# A page of a notebook: a model as anywidget gives it, whose messages a test answers.
NOTEBOOK = """async (state) => {
    const { renderWidget } = await import("/live_view.js");
    const listeners = { "msg:custom": [], "change:state": [] };
    const traits = { state, actions: [{ name: "csv", label: "CSV" }] };
    window.model = {
        get: (name) => traits[name],
        set: (name, value) => { traits[name] = value; },
        save_changes: () => { window.saved = structuredClone(traits.state); },
        on: (event, listener) => listeners[event].push(listener),
        off: (event, listener) => { listeners[event] = listeners[event].filter((other) => other !== listener); },
        send: async (message) => {
            if (message.action) { window.pressed = message; return; }
            const [content, buffers] = await window.ask(message);
            // A kernel's buffers are views into a larger one, at any place.
            const views = buffers.map((text) => {
                const bytes = Uint8Array.from("...." + atob(text), (c) => c.charCodeAt(0));
                return new DataView(bytes.buffer, 4);
            });
            for (const listener of listeners["msg:custom"]) listener(content, views);
        },
        change: (value) => { traits.state = value; for (const listener of listeners["change:state"]) listener(); },
    };
    const el = document.createElement("div");
    document.body.append(el);
    window.cleanup = renderWidget({ model: window.model, el });
}"""


def test_a_question_is_answered_with_bytes_and_their_type() -> None:
    clip = Clip("pair", count=2)
    content, buffers = answer(clip, {"id": "7", "name": "1.bin"})
    assert content == {"id": "7", "type": "application/octet-stream"}
    assert buffers == [clip.resource("1.bin")[0]]


@pytest.mark.parametrize("error", [InputError("frame: expected a stored one, got none."), ValueError("broken")])
def test_what_goes_wrong_is_answered_too(error: Exception) -> None:
    class Broken:
        def resource(self, name: str) -> tuple[bytes, str]:
            raise error

    content, buffers = answer(Broken(), {"id": "7", "name": "1.bin"})
    assert content["id"] == "7"
    assert str(error) in content["error"]["message"]
    assert buffers == []


def test_the_widget_answers_and_hears_of_buttons(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = Clip("pair", count=2)
    widget = live_view(clip, state={"tau": 0.5}, actions=[{"name": "csv", "label": "CSV"}])
    sent: list[tuple[dict, list[bytes]]] = []
    monkeypatch.setattr(type(widget), "send", lambda self, content, buffers: sent.append((content, buffers)))
    heard: list[tuple[str, dict]] = []
    widget.on_action(lambda name, state: heard.append((name, state)))
    widget._handle_custom_msg({"id": "1", "name": "clip.json"}, [])
    widget._handle_custom_msg({"action": "csv", "state": {"tau": 0.4}}, [])
    assert json.loads(sent[0][1][0]) == clip.metadata()
    assert heard == [("csv", {"tau": 0.4})]
    assert widget.state == {"tau": 0.5}
    assert widget._esm.rstrip().endswith("export default { render: renderWidget };")


@pytest.fixture
def notebook(tab: Tab) -> Tab:
    """Return a page whose kernel is a clip of random fields."""
    clip = Clip("pair")

    def ask(message: dict) -> list[Any]:
        content, buffers = answer(clip, message)
        return [content, [base64.b64encode(data).decode() for data in buffers]]

    tab.page.expose_function("ask", ask)
    tab.clip = clip
    return tab


@pytest.mark.browser
def test_a_notebook_shows_the_view_and_the_trait_follows_it(notebook: Tab) -> None:
    tab, page, clip = notebook, notebook.page, notebook.clip
    page.evaluate(NOTEBOOK, {"tau": 0.25, "opacity": 1})
    tab.shown(0)
    assert_drawn(tab.pixels("fused", clip), clip.labels(0, 0.25))
    tab.focus()
    tab.press("ArrowRight", "]")
    page.wait_for_function("() => window.saved && window.saved.frame === '00000011'", timeout=PATIENCE)
    assert page.evaluate("() => window.saved.tau") == pytest.approx(0.26)
    page.evaluate("() => window.model.change({ tau: 0.75 })")
    tab.settle()
    assert tab.state()["tau"] == 0.75
    page.get_by_role("button", name="CSV").click()
    assert page.evaluate("() => window.pressed.action") == "csv"
    page.evaluate("() => window.cleanup()")
    assert page.get_by_test_id("live-view").count() == 0


@pytest.mark.browser
def test_an_error_of_the_kernel_is_shown_at_its_frame(notebook: Tab) -> None:
    clip, page = notebook.clip, notebook.page
    whole = clip.resource
    clip.resource = lambda name: whole("99.bin" if name == "1.bin" else name)
    page.evaluate(NOTEBOOK, {})
    notebook.shown(0)
    notebook.focus()
    notebook.press("ArrowRight")
    page.get_by_text("resource: expected a frame of the clip, got 99.bin.").wait_for()
    notebook.press("ArrowRight")
    notebook.shown(2)
