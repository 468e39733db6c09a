"""From a scene to a number of classes: a sweep over k, and what it measures.

Import from the modules of this package; the public names are in `ktextures`.
"""
