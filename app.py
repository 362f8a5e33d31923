"""The workbench as a web application: ``streamlit run app.py``."""

# The tables and figures of the first page need pandas and plotly: load them while the server starts, not while the
# first visitor waits.
import pandas as pd  # noqa: F401
import plotly.graph_objects as go  # noqa: F401
import streamlit as st

from workbench.live.routes import ROUTES

app = st.App("workbench/main.py", routes=ROUTES)
