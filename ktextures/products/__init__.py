"""Everything that a model makes of a scene, written to one folder."""
