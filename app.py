"""The workbench as a web application: ``streamlit run app.py``."""

import os

import streamlit as st

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does, before torch is loaded
app = st.App("workbench/main.py")
