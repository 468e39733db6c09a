"""`ktextures samples`: chips for training a supervised model."""

import argparse

from ktextures.cli.interrupts import Interrupts
from ktextures.cli.messages import is_terminal, say, say_json
from ktextures.errors import InputError

__all__ = ["samples"]


def samples(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Write training samples, and report how many there are.

    Parameters
    ----------
    options : Namespace
    interrupts : Interrupts

    Returns
    -------
    int
        0.
    """
    from ktextures.raster.open import open_scene
    from ktextures.samples.training_samples import training_samples

    if len(options.pairs) % 2:
        raise InputError(
            f"{len(options.pairs)} files are given: give pairs of a scene and its "
            "class map, SCENE CLASSES [SCENE CLASSES ...]"
        )
    scenes, maps = options.pairs[::2], options.pairs[1::2]
    found = training_samples(
        [
            open_scene(scene, options.bands, roles=options.roles, time=options.time)
            for scene in scenes
        ],
        maps,
        options.output,
        size=options.size,
        overlap=options.overlap,
        fractions=options.fractions,
        block_size=options.block_size,
        buffer=options.buffer,
        max_nodata=options.max_nodata,
        balance=options.balance,
        values=options.values,
        append=options.append,
        overwrite=options.overwrite,
        seed=options.seed,
        progress=not options.quiet and is_terminal(),
    )
    if options.json:
        pixels = found.counts.to_dict("records")
        say_json({"folder": found.folder, "chips": found.chips, "pixels": pixels})
        return 0
    listed = ", ".join(f"{count} {split}" for split, count in found.chips.items())
    say(f"{sum(found.chips.values())} chips ({listed}): {found.folder}")
    return 0
