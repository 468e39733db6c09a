"""Classes as polygons, and shares of classes in polygons that are given.

Needs the extra "products".
"""
