"""What leaves the program: rasters, tables, figures and map layers.

Everything is made from the labeled arrays of `segment`; nothing here loads TensorFlow.
"""
