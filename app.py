"""The workbench as a web application: ``streamlit run app.py``."""

import streamlit as st

app = st.App("workbench/main.py")
