"""Scenes: opened, read by windows, scaled, and put back on their grid.

`open_scene` is the door; `scene` states what a scene is. Nothing here knows of tensors,
models or maps.
"""
