"""Solutions of part 1; each cell replaces the exercise cell of the same number."""

# ruff: noqa: F821 - names are those of the notebook

# %% 1.1
# Exercise 1.1
red = scene.sel(band="B04").astype(float)
nir = scene.sel(band="B08").astype(float)
ndvi = (nir - red) / (nir + red)

# %% 1.2
# Exercise 1.2
mask_values = result.masks.isel(y=20, x=160).values

# %% 1.3
# Exercise 1.3
small = kt.train(scene, k=3, steps=100, seed=1)
few = kt.segment(scene, small)
largest_share = float(kt.class_areas(few.classes)["share"].max())
