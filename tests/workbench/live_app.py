"""A small app with a live view as the workbench has one: a route for the packs, a fragment for the view."""

from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.workbench.live_clip import Clip

CLIPS = {"pair": Clip("pair"), "single": Clip("single", runs=1, seed=1)}


async def packs(request: Request) -> Response:
    key, _, name = request.path_params["name"].partition("/")
    data, kind = CLIPS[key].resource(name)
    return Response(data, media_type=kind)


app = st.App(str(Path(__file__).with_name("live_page.py")), routes=[Route("/packs/{name:path}", packs)])
