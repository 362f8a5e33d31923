"""The live view in a notebook: an anywidget that asks the kernel for a clip's resources by message."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from vspwlib.checks import InputError
from workbench.live.join import joined

FOLDER = Path(__file__).parent


class Clip(Protocol):
    """Anything that answers for the resources of one video, as the server's routes do."""

    def resource(self, name: str) -> tuple[bytes, str]:
        """Return a resource and its content type.

        Raises:
            InputError: there is none of that name.
        """
        ...


def live_view(clip: Clip, *, state: Mapping[str, Any] | None = None, actions: Sequence[Mapping[str, str]] = ()) -> Any:
    """Show a clip in a notebook.

    Args:
        clip: What answers for ``clip.json``, ``<i>.jpg``, ``<i>.bin``, ``timeline.json`` and ``scores/<i>/<x>/<y>``.
        state: What to begin with: frame, tau or weights, panes, opacity, focus, palette.
        actions: Buttons in the view's bar, each with ``name``, ``label`` and maybe ``title``.

    Returns:
        A widget. Its trait ``state`` follows the view and moves it; ``on_action(function)`` hears of buttons, by the
        button's name and the state.
    """
    return _widget_class()(clip=clip, state=dict(state or {}), actions=[dict(action) for action in actions])


def answer(clip: Clip, message: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Answer a view's question for a resource.

    Args:
        clip: What answers.
        message: ``id`` and ``name``.

    Returns:
        The answer, with the same ``id`` and the content type, or an ``error``; and its buffers.
    """
    try:
        data, kind = clip.resource(str(message["name"]))
    except InputError as error:
        return {"id": message["id"], "error": {"message": str(error)}}, []
    except Exception as error:  # noqa: BLE001  the view shows it at its frame; raised here it would vanish in a log
        told = f"{message['name']}: expected an answer, got {type(error).__name__}: {error}."
        return {"id": message["id"], "error": {"message": told}}, []
    return {"id": message["id"], "type": kind}, [data]


@cache
def _widget_class() -> type:
    """Make the widget class; anywidget is there where there are notebooks."""
    import anywidget
    import traitlets

    class LiveView(anywidget.AnyWidget):
        """A live view of a clip."""

        _esm = joined() + "\nexport default { render: renderWidget };\n"
        _css = (FOLDER / "live_view.css").read_text("utf-8")
        state: Any = traitlets.Dict().tag(sync=True)
        actions: Any = traitlets.List().tag(sync=True)

        def __init__(self, clip: Clip, **traits: Any) -> None:
            super().__init__(**traits)
            self._clip = clip
            self._listeners: list[Any] = []
            self.on_msg(self._hear)

        def on_action(self, function: Any) -> None:
            """Call ``function(name, state)`` whenever a button of the bar is pressed."""
            self._listeners.append(function)

        def _hear(self, _: Any, message: dict[str, Any], __: list[Any]) -> None:
            if "action" in message:
                for function in self._listeners:
                    function(message["action"], message["state"])
            elif "name" in message:
                content, buffers = answer(self._clip, message)
                self.send(content, buffers)

    return LiveView
