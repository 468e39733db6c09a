"""Feature extractors: what an image and its simulation are compared by.

`protocol` says what an extractor is; VGG-16, a filter bank, plain color and an encoder
learned from one's own scenes follow it. Tensors in, tensors out.
"""
