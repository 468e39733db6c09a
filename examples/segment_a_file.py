"""Segment a GeoTIFF, or the bundled Sentinel-2 scene, and write everything beside it.

python examples/segment_a_file.py [scene.tif] [folder]
"""

import sys
from pathlib import Path

import ktextures as kt


def main(path: str | None, folder: Path) -> None:
    """Train on a scene and write classes, model and overview into a folder."""
    scene = kt.open_scene(path) if path else kt.datasets.sentinel2()
    folder.mkdir(parents=True, exist_ok=True)

    model = kt.train(scene, k=6, seed=1)
    result = kt.segment(scene, model, outputs=("classes", "simulated"))

    kt.write_classes(result.classes, folder / "classes.tif")
    model.save(folder / "scene.ktextures")
    kt.plot(scene, result).savefig(folder / "overview.png")
    print(kt.class_areas(result.classes).to_string(index=False))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None, Path((sys.argv[2:] or ["out"])[0]))
