"""Solutions of part 5; each cell replaces the exercise cell of the same number."""

# ruff: noqa: F821 - names are those of the notebook

# %% 5.1
# Exercise 5.1
per_side = -(-300 // 24)  # rounded up: the last one overlaps
left_out = per_side**2 - len(samples.manifest)

# %% 5.2
# Exercise 5.2
honest = (forest.predict(test_values) == test_labels).mean()

# %% 5.3
# Exercise 5.3
other = new_forest().fit(values[rest], labels[rest])
optimistic = (other.predict(values[held_back]) == labels[held_back]).mean()
