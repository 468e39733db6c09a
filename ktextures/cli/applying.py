"""`ktextures apply`: one model on many scenes; what is done is skipped."""

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ktextures._loading import hidden_startup_messages
from ktextures.cli.interrupts import Interrupts
from ktextures.cli.messages import complain, is_terminal, say, say_json
from ktextures.errors import InputError, KTexturesError

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = ["apply"]


@dataclass
class Report:
    """What became of one scene.

    Attributes
    ----------
    scene : str
    status : {"written", "skipped", "failed", "stopped", "not started"}
    files : dict of str to str
        Path of each product that is complete.
    error : str
        Why it failed.
    seconds : float
    """

    scene: str
    status: str = "not started"
    files: dict[str, str] = field(default_factory=dict)
    error: str = ""
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        found = {"scene": self.scene, "status": self.status, "files": self.files}
        return found | {"error": self.error or None, "seconds": round(self.seconds, 1)}

    def line(self) -> str:
        """In one line."""
        detail = self.error or ", ".join(self.files.values())
        return f"{self.scene}: {self.status}" + (f": {detail}" if detail else "")


def apply(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Apply a model to scenes, and report on each.

    Parameters
    ----------
    options : Namespace
    interrupts : Interrupts

    Returns
    -------
    int
        0, or 1 if a scene failed.
    """
    with interrupts.deferred(), hidden_startup_messages():
        from ktextures.model.ktextures import load
        from ktextures.products.catalog import check_products

    options.products = check_products(options.products)
    names = _names(options.scenes)
    model = load(options.model)
    interrupts.defer()  # what is complete is reported, also after Ctrl-C
    reports = [Report(scene) for scene in options.scenes]
    for number, (report, name) in enumerate(zip(reports, names, strict=True), 1):
        _apply_to(report, name, model, options, interrupts, f"{number}/{len(names)}")
        if not options.json:
            (complain if report.status == "failed" else say)(report.line())
        if interrupts.received:
            break
    if options.json:
        say_json({"scenes": [report.to_dict() for report in reports]})
    else:
        _summarize(reports)
    interrupts.resume()
    return int(any(report.status == "failed" for report in reports))


def _names(scenes: list[str]) -> list[str]:
    """What the names of the files of each scene begin with."""
    names = [Path(scene.split("?")[0].rstrip("/")).stem for scene in scenes]
    for name in names:
        same = [s for s, n in zip(scenes, names, strict=True) if n == name]
        if len(same) > 1:
            raise InputError(
                f"{' and '.join(same)} would be written under the same name, {name}: "
                "apply the model to them one after the other, to different folders"
            )
    return names


def _apply_to(
    report: Report,
    name: str,
    model: "KTextures",
    options: argparse.Namespace,
    interrupts: Interrupts,
    number: str,
) -> None:
    """Write what is missing of one scene."""
    from ktextures.products.catalog import product_paths
    from ktextures.products.export import export

    paths = product_paths(options.output, options.products, name)
    missing = [p for p, path in paths.items() if options.overwrite or not path.exists()]
    report.files = {p: str(path) for p, path in paths.items() if p not in missing}
    if not missing:
        report.status = "skipped"
        return
    begun = time.perf_counter()
    progress = _Progress(f"{number} {name}", options)
    try:
        found = export(
            options_scene(report.scene, options),
            model,
            options.output,
            missing,
            name=name,
            min_area=options.min_area,
            simplify=options.simplify,
            datetime=options.datetime,
            overwrite=options.overwrite,
            resume=options.resume,
            progress=progress,
            stopped=lambda: bool(interrupts.received),
        )
        report.files |= {p: str(path) for p, path in found.paths.items()}
        report.status = "stopped" if found.canceled else "written"
    except (KTexturesError, OSError) as error:
        report.status, report.error = "failed", str(error)
    finally:
        progress.close()
        report.seconds = time.perf_counter() - begun


def options_scene(scene: str, options: argparse.Namespace) -> Any:
    """Open a scene with the bands that the options name."""
    from ktextures.raster.open import open_scene

    return open_scene(
        scene, bands=options.bands, roles=options.roles, time=options.time
    )


class _Progress:
    """A bar in the terminal, if there is one."""

    def __init__(self, title: str, options: argparse.Namespace) -> None:
        from tqdm import tqdm

        shown = not options.quiet and is_terminal()
        self._bar = tqdm(total=100, desc=title, unit="%", disable=not shown)

    def __call__(self, share: float, what: str) -> None:
        self._bar.update(max(0, round(100 * share) - self._bar.n))
        self._bar.set_postfix_str(what)

    def close(self) -> None:
        self._bar.close()


def _summarize(reports: list[Report]) -> None:
    counts: dict[str, int] = {}
    for report in reports:
        counts[report.status] = counts.get(report.status, 0) + 1
    listed = ", ".join(f"{count} {status}" for status, count in counts.items())
    say(f"{len(reports)} scenes: {listed}")
