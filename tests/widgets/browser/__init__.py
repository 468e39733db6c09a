"""Notebooks in a real browser: JupyterLab or Voila on loopback, and Chromium."""
