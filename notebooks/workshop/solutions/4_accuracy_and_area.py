"""Solutions of part 4; each cell replaces the exercise cell of the same number."""

# ruff: noqa: F821 - names are those of the notebook

# %% 4.1
# Exercise 4.1
row = found.matrix.loc["burned"]
users_accuracy = row["burned"] / row.sum()

# %% 4.2
# Exercise 4.2
shares = found.matrix["burned"] / found.matrix.sum(axis=1)
burned_ha = (shares.values * mapped_ha.values).sum()

# %% 4.3
# Exercise 4.3
difference = abs(found.areas["mapped_ha"] - found.areas["estimated_ha"])
too_far = found.areas["name"][difference > found.areas["interval_ha"]].tolist()

# %% 4.4
# Exercise 4.4
points_needed = 4 * len(points)
