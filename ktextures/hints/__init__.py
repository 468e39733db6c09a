"""Hints: places whose class is known, as users give them and as pixels of scenes.

`hint` and `hints` hold the values, `sources` and `geojson` read and write them, and
`pixels` finds the pixels of scenes that they cover.
"""
