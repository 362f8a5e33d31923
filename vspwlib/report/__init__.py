"""Reports: rows of tables, and figures drawn from such rows. Opens without torch; plotly is loaded when a figure is."""
