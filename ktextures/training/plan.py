"""From prepared scenes and a request to a model, an objective and training tiles."""

from dataclasses import dataclass, replace

import numpy as np

from ktextures.model.config import ModelConfig
from ktextures.model.ktextures import KTextures
from ktextures.raster.tile_set import TileSet
from ktextures.training.dictionary_objective import DictionaryObjective
from ktextures.training.hint_evidence import collect_evidence
from ktextures.training.hint_guide import HintGuide
from ktextures.training.hint_task import HintTask, as_hinted
from ktextures.training.objective import Objective
from ktextures.training.paper_objective import SimulationObjective
from ktextures.training.prepared_scenes import PreparedScenes
from ktextures.training.presets import DefaultPreset
from ktextures.training.request import Request

__all__ = ["Plan", "make_plan"]


@dataclass(frozen=True)
class Plan:
    """A model, how it is trained, and on what."""

    model: KTextures
    objective: Objective
    tiles: TileSet


def make_plan(
    prepared: PreparedScenes,
    request: Request,
    model: KTextures | None = None,
    *,
    warm: KTextures | None = None,
    task: HintTask | None = None,
) -> Plan:
    """Make a model for prepared scenes, or take `model`, and an objective for it.

    A new model begins with what `warm`, a model for the same scenes with any number of
    classes, has learned to see of them. `task` is what hints ask for, if there are any;
    that for an earlier model names its classes by number.
    """
    preset, tiles = request.preset, prepared.tiles
    continued = model is not None
    if model is None:
        model = _new_model(prepared, request)
        if warm is not None:
            model.mask_network.mix.set_weights(warm.mask_network.mix.get_weights())
    objective: Objective
    if isinstance(preset, DefaultPreset) and prepared.basis is not None:
        guide = _guide(prepared, model, task, continued=continued)
        objective = DictionaryObjective(
            model,
            prepared.basis,
            preset,
            seed=request.seed,
            continued=continued,
            may_settle=request.may_settle,
            guide=guide,
            is_steered=continued and task is not None and task.is_new,
            on_vote=lambda: request.on_preparation("initial labels"),
        )
        if guide is not None and task is not None and not continued:
            order, table = as_hinted(model.record.order, model.classes, task, guide)
            model.record = replace(model.record, order=order, classes=table)
    else:
        objective = SimulationObjective(model, tiles, request.seed, preset)
    return Plan(model, objective, tiles)


def _guide(
    prepared: PreparedScenes,
    model: KTextures,
    task: HintTask | None,
    *,
    continued: bool,
) -> HintGuide | None:
    """What the hints say to the masks of a model."""
    if task is None or prepared.basis is None or not len(task.pixels):
        return None
    network, basis = model.mask_network, prepared.basis
    if not continued:
        basis.seen.assign_to(network)
    evidence = collect_evidence(
        task.pixels,
        task.groups,
        basis.seen_by(network),
        prepared.scenes,
        prepared.preparation,
        network,
    )
    masks = None
    if continued:
        masks = model.record.order[np.array(task.classes, int) - 1]
    return HintGuide(evidence, task.groups, masks, model.k)


def _new_model(prepared: PreparedScenes, request: Request) -> KTextures:
    published = prepared.basis is None
    config = ModelConfig(
        k=request.k,
        bands=prepared.scenes.bands,
        roles=prepared.scenes.roles,
        preset=request.preset.name,
        seed=request.seed,
        masks="published" if published else "contextual",
        textures="published" if published else "tileable",
        masks_options={} if published else {"texture_scale": prepared.texture_scale},
    )
    return KTextures(config, prepared.preparation, prepared.extractors)
