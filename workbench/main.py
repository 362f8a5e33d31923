"""Entry of the workbench: page settings, navigation, and one place where wrong input turns into a message."""

import streamlit as st

from workbench import data
from workbench.notices import guard

# Streamlit leaves a fifth of a laptop's screen empty above and beside a page; pictures need it. And it fades what it is
# about to draw anew: the live view has long drawn what was asked for when the server hears of it. And its tables offer
# themselves as CSV in which a text may be a formula, without a switch against it: pages offer files of their own.
STYLE = """<style>
[data-testid=stMainBlockContainer] { padding: 4rem 2.2rem 2rem; max-width: 2200px; }
[data-testid=stMainBlockContainer] [data-stale=true] { opacity: 1; transition: none; }
button[aria-label^="Download as CSV"] { display: none; }
@media (max-width: 1100px) {
  [data-testid=stMetricValue] { font-size: 1.4rem; }
  [data-testid=stMetricLabel] * { white-space: normal; }
}
</style>"""

st.set_page_config(page_title="VSPW workbench", page_icon=":material/layers:", layout="wide")
page = st.navigation(
    [
        st.Page("views/overview.py", title="Overview", icon=":material/table_rows:", default=True),
        st.Page("views/clips.py", title="Clips", icon=":material/movie:"),
        st.Page("views/ensemble.py", title="Ensemble", icon=":material/join_inner:"),
        st.Page("views/classes.py", title="Classes", icon=":material/bar_chart:"),
        st.Page("views/mapping.py", title="Label mapping", icon=":material/alt_route:"),
        st.Page("views/tables.py", title="Tables", icon=":material/table_chart:"),
        st.Page("views/embedding.py", title="Embedding", icon=":material/scatter_plot:"),
        st.Page("views/bring.py", title="Bring your own", icon=":material/upload:"),
    ],
    position="top",
)
st.html(STYLE)
with guard():
    page.run()
data.warm_up()
