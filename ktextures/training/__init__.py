"""Training: from a scene to a model.

`train` is the door; `prepare` turns a request into a model, an objective and tiles, and
`loop` runs the steps. Nothing here draws.
"""
