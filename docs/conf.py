"""Settings of Sphinx: `make docs` builds the site into docs/_build/html."""

import os

from ktextures._version import __version__

# Gallery and method train models; messages about the processor are of no use there.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

project = "ktextures"
author = "ktextures developers"
copyright = "2026, ktextures developers"
version = release = __version__

SOURCE = "https://github.com/ktextures/ktextures"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
# The notebooks that the gallery offers for download are no pages.
exclude_patterns = ["_build", "**.ipynb_checkpoints", "gallery/*.ipynb"]
templates_path = ["_templates"]
default_role = "autolink"

# --- Markdown and notebooks ---------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# What pages show is run by the gallery, or drawn by the scripts in docs/.
nb_execution_mode = "off"
# No page shows widgets, whose scripts would come from the network.
nb_ipywidgets_js = {}

# --- reference ----------------------------------------------------------------------

autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"  # docstrings say more: shapes, units, and ranges
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False

# --- gallery ------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,  # its page loads scripts from elsewhere
    "remove_config_comments": True,
    "min_reported_time": 0,
    "image_scrapers": ("matplotlib",),
    "reset_modules": ("matplotlib",),
}

# --- pages --------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "ktextures"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/favicon.svg"
html_show_sourcelink = False
html_sidebars = {"index": []}
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "ktextures"},
    "icon_links": [
        {"name": "Source", "url": SOURCE, "icon": "fa-brands fa-github"},
    ],
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

# Checked by `make links`, which needs a network; links within the site always are.
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_ignore = [rf"{SOURCE}.*"]
