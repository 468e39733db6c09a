"""The model as a value that is copied, renamed, saved and loaded."""

import io
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

# Imported to register the extractors that model files may name.
import ktextures.features.color
import ktextures.features.filter_bank
import ktextures.features.scene_encoder
import ktextures.features.vgg16  # noqa: F401
from ktextures.classes.legend import Legend
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError, MissingFeaturesError, ModelFileError
from ktextures.files.archive import Arrays, read_archive, unpack, write_atomically
from ktextures.hints.hints import Hints
from ktextures.model.file import ModelParts, pack_parts, read_parts
from ktextures.model.network import Network
from ktextures.model.summary import SIDE, model_html

__all__ = ["KTextures", "find_model", "from_bytes", "load"]


class KTextures(Network):
    """A mask network and one texture generator per class.

    Made by `ktextures.train` or `ktextures.load`. A model that you hold never changes:
    further training, new names and another number of classes give new models. Only the
    model that callbacks see while it is trained changes with each step.

    Parameters
    ----------
    config : ModelConfig
        Number of classes, bands, preset, seed, and kinds of masks and textures.
    preparation : Preparation
        Frozen scaling of the bands.
    extractors : sequence of FeatureExtractor
        What the loss compares; kept so that training can be continued.

    Attributes
    ----------
    record : TrainingRecord
        Classes, their order, losses and provenance.
    lock : threading.RLock
        Held while a training step changes weights and record. `copy`, `save`,
        `to_bytes` and `snapshot` take it, so that they see the state after a complete
        step whatever thread calls them.
    """

    def copy(self) -> "KTextures":
        """An independent model in the state after the last complete training step.

        Returns
        -------
        KTextures
            Nothing that happens to this model changes it.

        Examples
        --------
        >>> import ktextures as kt
        >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
        >>> model = kt.train(scene, k=2, steps=2, seed=1, progress=False)
        >>> model.copy().to_bytes() == model.to_bytes()
        True
        """
        made = KTextures(
            self.config, self.preparation, [each.copy() for each in self.extractors]
        )
        with self.lock:
            for new, old in zip(made.weights, self.weights, strict=True):
                new.assign(old)
            made.record = self.record.copy()
        return made

    @property
    def classes(self) -> ClassTable:
        """Names and colors of the classes."""
        return self.record.classes

    @property
    def hints(self) -> Hints:
        """Places of known class that the model was trained with."""
        return self.record.hints

    def rename(
        self,
        names: Mapping[int, str] | None = None,
        *,
        colors: Mapping[int, str] | None = None,
    ) -> "KTextures":
        """A model whose classes have other names or colors.

        Parameters
        ----------
        names : mapping of int to str, optional
            New names by class value, 1 to k.
        colors : mapping of int to str, optional
            New CSS colors by class value.

        Returns
        -------
        KTextures
            A copy; this model keeps its names.

        Raises
        ------
        InputError
            If there is no such class, or a name or color cannot be used.

        Examples
        --------
        >>> import ktextures as kt
        >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
        >>> model = kt.train(scene, k=2, steps=2, seed=1, progress=False)
        >>> model.rename({1: "forest"}, colors={1: "green"}).classes.names
        ('forest', 'class 2')
        """
        for given in (names, colors):
            if given is not None and not isinstance(given, Mapping):
                raise InputError(
                    f"rename got {given!r}; give a mapping from class values, such as "
                    '{1: "forest"}.'
                )
        table = self.record.classes
        for value, name in (names or {}).items():
            table = table.rename(value, name)
        for value, color in (colors or {}).items():
            table = table.recolor(value, color)
        return self.with_classes(table)

    def assign(self, classes: Any, legend: Any = None) -> "KTextures":
        """A model whose classes are assigned to the entries of a legend.

        The classes stay as they are; several can belong to one entry. What the model
        segments remembers the assignment: see `ktextures.to_legend`. Further training,
        `ktextures.split`, and `ktextures.merge` keep it.

        Parameters
        ----------
        classes : mapping of str to int, str, or sequence of them, or result, or None
            For names of entries, their classes, by number or name:
            ``{"forest": [1, 4], "water": 2}``; classes that are not listed have no
            entry. Or what `ktextures.assign_by` returned, with its legend. None
            removes legend and assignment.
        legend : Legend, or what `Legend.read` takes, optional
            By default that of the model, or else one made of the names given, each in
            the color of its first class, with the codes 1, 2, 3, ...

        Returns
        -------
        KTextures
            A copy; this model keeps its assignment, which the new one replaces.

        Raises
        ------
        InputError
            If a class or a name is unknown, a class is assigned twice, more names are
            given than there are classes, or the legend is not usable.

        Examples
        --------
        >>> import ktextures as kt
        >>> scene, truth = kt.datasets.synthetic(64, k=3, seed=1)
        >>> model = kt.train(scene, k=3, steps=2, seed=1, progress=False)
        >>> model.assign({"forest": [1, 3], "water": 2}).assignment
        {'forest': (1, 3), 'water': (2,)}
        """
        made = self.copy()
        table = made.record.classes.assign(classes, legend)
        made.record = replace(made.record, classes=table)
        return made

    @property
    def legend(self) -> Legend | None:
        """Legend that classes are assigned to, if there is one."""
        return self.record.classes.legend

    @property
    def assignment(self) -> dict[str, tuple[int, ...]]:
        """Classes by the name of their entry; empty if none are assigned."""
        found = self.record.classes.assignment
        return {} if found is None else found.classes()

    def with_classes(self, table: ClassTable) -> "KTextures":
        """A model with these names and colors.

        Parameters
        ----------
        table : ClassTable
            One row per class. Unless it says where classes come from, or which entries
            of a legend they belong to, they keep their origins and entries.

        Returns
        -------
        KTextures
            A copy; this model keeps its names.

        Raises
        ------
        InputError
            If the table has another number of classes.
        """
        if table.k != self.k:
            raise InputError(
                f"the table has {table.k} classes and the model {self.k}; give one row "
                "per class."
            )
        made = self.copy()
        if not any(table.origins):
            table = replace(table, origins=made.record.classes.origins)
        if table.assignment is None:
            table = replace(table, assignment=made.record.classes.assignment)
        made.record = replace(made.record, classes=table)
        return made

    def to_bytes(self) -> bytes:
        """The content of a model file, in the state after a complete training step.

        Feature extractors whose class is not registered are left out: the model can be
        loaded and applied, but to train it further they must be passed again.

        Returns
        -------
        bytes
            What `save` writes.
        """
        with self.lock:
            weights, record = self.weight_arrays(), self.record.copy()
        parts = ModelParts(self.config, self.preparation, self.extractors, record)
        return pack_parts(parts, weights)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the model as one file, without pickles; see `ktextures.load`.

        Parameters
        ----------
        path : path
            Any name; ".ktextures" is customary. An existing file is replaced.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        write_atomically(path, self.to_bytes())

    def __repr__(self) -> str:
        """One line of facts."""
        return f"<ktextures.KTextures: {', '.join(self._facts())}>"

    def _repr_html_(self) -> str:
        """Facts, and a table of classes and textures, for notebooks."""
        with self.lock:
            table, textures = self.record.classes, self.draw_textures(SIDE, SIDE)
            facts = self._facts()
        return model_html(table, textures, self.config.roles, facts)

    def _facts(self) -> list[str]:
        scale = self.mask_network.texture_scale
        facts = [
            f"k = {self.k}",
            f"preset {self.config.preset}",
            f"{self.record.steps} steps",
            f"bands {', '.join(self.config.bands)}",
        ]
        return facts if scale is None else [*facts, f"texture scale {scale:g} px"]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the bytes of a model file, so that workers can be sent a model."""
        return from_bytes, (self.to_bytes(),)


def from_bytes(content: bytes, name: str = "model") -> KTextures:
    """Model from the content of its file; see `load`."""
    return _rebuild(*unpack(io.BytesIO(content), "model", name), name)


def load(path: str | os.PathLike[str]) -> KTextures:
    """Load a model that was saved; nothing in the file is executed.

    Parameters
    ----------
    path : path
        Written by `KTextures.save`.

    Returns
    -------
    KTextures
        Its predictions are bit-identical to those of the saved model.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If it is damaged, foreign, or of a later layout.
    MissingFeaturesError
        If it uses a feature extractor that no imported module has registered.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> model = kt.train(scene, k=2, steps=2, seed=1, progress=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(pathlib.Path(folder, "two.ktextures"))
    ...     kt.load(pathlib.Path(folder, "two.ktextures")).k
    2
    """
    return _rebuild(*read_archive(path, "model"), repr(str(path)))


def find_model(model: object) -> KTextures:
    """The model itself, or the one in a file.

    Raises
    ------
    InputError
        If it is neither a model nor a path.
    FileNotFoundError, ModelFileError
        As `load`.
    """
    if isinstance(model, KTextures):
        return model
    if isinstance(model, str | os.PathLike):
        return load(model)
    raise InputError(
        f"model is {model!r}; give what ktextures.train or ktextures.load returned, or "
        "the path of a model file."
    )


def _rebuild(settings: Mapping[str, Any], arrays: Arrays, name: str) -> KTextures:
    try:
        parts = read_parts(settings, arrays)
        model = KTextures(parts.config, parts.preparation, parts.extractors)
        model.assign_arrays(arrays)
    except MissingFeaturesError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{name} is incomplete or inconsistent ({error!r}); it is damaged, or "
            "another version of ktextures wrote it."
        ) from error
    model.record = parts.record
    return model
