"""What leaves the program: rasters, tables, figures and map layers.

Everything is made from the labelled arrays of `segment`; nothing here loads TensorFlow.
"""
