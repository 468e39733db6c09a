"""Classes: their names and colors, and class maps compared and renumbered.

`table` holds names and colors; `arrays` knows plain arrays only, `maps` labeled ones.
"""
