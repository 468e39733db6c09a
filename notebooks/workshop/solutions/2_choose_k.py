"""Solutions of part 2; each cell replaces the exercise cell of the same number."""

# ruff: noqa: F821 - names are those of the notebook

# %% 2.1
# Exercise 2.1
found_again = sweep.k.values[sweep.prediction_strength.values >= 0.85]

# %% 2.2
# Exercise 2.2
parent = int(sweep.parent.sel(k=4)[3])  # class 4 is at place 3, counted from 0

# %% 2.3
# Exercise 2.3
finer = kt.split(scene, model, largest, into=2)
merged = kt.merge(finer, [1, 2], name="dark")
