"""From a scene to named classes, files, an assessment, chips, and a trained network."""

import geopandas as gpd
import keras
import numpy as np
import pytest
import rasterio
import xarray as xr

import ktextures as kt

SIZE = 32


def label(points, truth):
    """Look at the ground: give each point the name of its true class."""
    x, y = (xr.DataArray(each) for each in (points.geometry.x, points.geometry.y))
    true = truth.sel(x=x, y=y, method="nearest").values
    names = np.array(["", "wood", "field", "water"])
    return points.assign(reference=names[true])


def network(bands, k):
    """A small network that sees a few pixels around each one."""
    layers = [keras.Input((None, None, bands))]
    for filters in (16, 16):
        layers.append(keras.layers.Conv2D(filters, 5, padding="same"))
        layers.append(keras.layers.BatchNormalization(momentum=0.8))
        layers.append(keras.layers.ReLU())
    model = keras.Sequential([*layers, keras.layers.Conv2D(k, 1)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss)
    return model


@pytest.mark.slow
def test_from_a_scene_to_a_trained_network(tmp_path):
    scene, truth = kt.datasets.synthetic(192, k=3, seed=5, contrast="both")
    names = {"wood": 1, "field": 2, "water": 3}
    model = kt.train(scene, k=4, steps=40, seed=1, progress=False)
    found = kt.assign_by(kt.segment(scene, model).classes, truth[:96], names)
    model = model.assign(found)

    # Files, read by other programs.
    written = kt.export(
        scene, model, tmp_path / "out", ["classes", "confidence", "model"]
    )
    classes = kt.read_classes(written.paths["classes"])
    named = kt.sieve(kt.to_legend(classes), "0.1 ha")
    path = kt.write_classes(named, tmp_path / "named.tif")
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), named.values)
        assert file.overviews(1) == [] or file.overviews(1)[0] == 2
    polygons = kt.to_polygons(named, simplify=1)
    read = gpd.read_file(kt.write_polygons(polygons, tmp_path / "fields.gpkg"))
    areas = kt.class_areas(named).set_index("name")["area_ha"]
    assert read["area_ha"].sum() == pytest.approx(areas.sum())

    # Accuracy by points, which agrees with the truth.
    points = label(kt.sample_points(named, 150, seed=0), truth)
    assessed = kt.assess(named, points)
    actual = float((named == truth).mean())
    assert abs(assessed.overall - actual) < 2 * max(assessed.overall_interval, 0.02)
    assert actual > 0.9

    # Chips, and a network that learns from them.
    samples = kt.training_samples(
        scene, named, tmp_path / "chips", size=SIZE, buffer=8, progress=False
    )
    assert samples.classes.names == ("wood", "field", "water")
    keras.utils.set_random_seed(0)
    learner = network(scene.sizes["band"], samples.classes.k)
    train = kt.read_samples(samples.folder, "train", batch_size=4, shuffle=True, seed=0)
    learner.fit(train, epochs=10, shuffle=False, verbose=0)
    test = samples.manifest[samples.manifest["split"] == "test"]
    true = np.stack(
        [
            truth.values[row.row : row.row + SIZE, row.column : row.column + SIZE]
            for row in test.itertuples()
        ]
    )
    predicted = learner.predict(kt.read_samples(samples.folder, "test"), verbose=0)
    accuracy = float((predicted.argmax(-1) + 1 == true).mean())
    assert accuracy > 0.8, accuracy
