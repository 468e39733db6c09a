"""Samples for training supervised models: chips, points, and readers of them.

They are divided by place, so that a model is tested where it was not trained.
"""
