"""Solutions of part 3; each cell replaces the exercise cell of the same number."""

# ruff: noqa: F821 - names are those of the notebook

# %% 3.1
# Exercise 3.1
visited = [(p.row, p.col, visit(p.row, p.col)) for p in places]

# %% 3.2
# Exercise 3.2
field = geopandas.GeoDataFrame(
    {"class": ["pasture"]},
    geometry=[box(501_100, 4_999_800, 501_400, 4_999_950)],
    crs=scene.rio.crs,
)
better = kt.train(prepared, model=steered, hints=steered.hints + field, steps=60)
better_map = kt.segment(scene, better)

# %% 3.3
# Exercise 3.3
# Read from the picture, this is a dictionary such as {"woods": [2, 4, 5, 6], "crops":
# [7, 8], "pasture": [1, 3]}. Numbers may differ between machines; counting finds them:
assignment = kt.assign_by(eight, ground).assignment
