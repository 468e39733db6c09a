"""Lazy rasters computed block by block, with bounded memory, here or on a cluster."""
