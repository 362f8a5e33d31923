"""The page of ``live_app.py``: what the view tells is written below it."""

import json

import streamlit as st

from workbench.live.component import live_view

st.set_page_config(layout="wide")
clip = st.selectbox("Clip", ["pair", "single"])


@st.fragment
def show() -> None:
    """Draw the view and what it tells."""
    st.session_state.runs = st.session_state.get("runs", 0) + 1
    state = json.loads(st.query_params.get("state", "{}"))
    actions = [{"name": "mp4", "label": "MP4", "title": "Save the clip"}]
    found = live_view(f"/packs/{clip}", key="live", state=state, actions=actions)
    told = {"state": dict(found.state), "action": found.action, "runs": st.session_state.runs}
    st.code(json.dumps(told), language="json")


show()
