"""The model: masks, textures, what it is made from, and its file.

`ktextures` holds the model itself. Arrays and tensors only: nothing here reads a scene
or trains.
"""
