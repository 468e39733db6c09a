"""
One time step of a NetCDF file
==============================

A NetCDF file holds several dates; train on one of them, and segment another one with
the same model, so that classes correspond.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import ktextures as kt

# %%
# First, a file to work with: two dates of a small scene, with one variable for each
# band.

scene, _ = kt.datasets.synthetic(128, k=4, seed=3, contrast="both")
dates = pd.to_datetime(["2026-05-04", "2026-07-12"])
summer = (scene * 0.9).astype(scene.dtype)  # as if less light was reflected
cube = xr.concat([scene, summer], pd.Index(dates, name="time"))
path = Path(tempfile.mkdtemp()) / "cube.nc"
bands = {str(name): cube.sel(band=name, drop=True) for name in cube.band.values}
xr.Dataset(bands).rio.write_crs(scene.rio.crs).to_netcdf(path)

# %%
# If there are several dates, `time` says which one to read.

may = kt.open_scene(path, time="2026-05")
july = kt.open_scene(path, time="2026-07")
may

# %%
# A model applies the scaling that it learned in May to July as well: if the light
# differs, train on both dates, which then share one scaling.

model = kt.train([may, july], k=4, seed=0, steps=80, progress=False)
maps = [kt.segment(each, model).classes for each in (may, july)]
same = float(np.mean(maps[0].values == maps[1].values))
print(f"{same:.0%} of the pixels have the same class on both dates")

# %%
# `kt.compare` says how many hectares changed from which class to which.

kt.compare(maps[0], maps[1]).hectares

# %%

figure = kt.plot(july, kt.segment(july, model, outputs=("classes", "simulated")))
