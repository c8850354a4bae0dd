"""Sphinx: `make docs`."""

import importlib.metadata

project = "quorum"
copyright = "the authors of quorum"
release = version = importlib.metadata.version("quorum")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
default_role = "code"
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"quorum {release}"
html_show_copyright = False
html_copy_source = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
autodoc_default_options = {"members": True, "show-inheritance": True}
