"""How good a class map is: points to label, accuracy, areas with intervals, changes.

Everything is computed from maps and labels, without TensorFlow.
"""
