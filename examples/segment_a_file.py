"""Segment a raster file, and write the model, the class map, and an overview.

Files of an earlier run are replaced.

python examples/segment_a_file.py [SCENE [FOLDER]]

SCENE is by default the bundled Sentinel-2 scene; FOLDER is by default "out".
"""

import argparse
from pathlib import Path

import ktextures as kt


def main(path: str | None, folder: Path) -> None:
    """Train on a scene, segment it, and write the results to a folder."""
    scene = kt.open_scene(path) if path else kt.datasets.sentinel2()
    folder.mkdir(parents=True, exist_ok=True)

    model = kt.train(scene, k=6, seed=1)
    model.save(folder / "scene.ktextures")

    result = kt.segment(scene, model, outputs=("classes", "simulated"))
    kt.write_classes(result.classes, folder / "classes.tif", overwrite=True)
    kt.plot(scene, result).savefig(folder / "overview.png")
    print(kt.class_areas(result.classes).to_string(index=False))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Segment a raster file.")
    parser.add_argument("scene", nargs="?", metavar="SCENE", help="raster file")
    parser.add_argument("folder", nargs="?", metavar="FOLDER", type=Path, default="out")
    options = parser.parse_args()
    main(options.scene, options.folder)
