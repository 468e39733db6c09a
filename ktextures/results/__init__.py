"""Results as files, tables, figures and map layers.

Everything is made from the labeled arrays of `segment`, without TensorFlow.
"""
