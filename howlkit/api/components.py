"""Components by name: an encoder, a model, a sampler, a constraint, an augmenter, a renderer."""

from __future__ import annotations

from howlkit import plugins
from howlkit.errors import ArgumentError
from howlkit.protocols import Augmenter, Constraint, Encoder, Model, Renderer, Sampler

__all__ = ["augmenter", "constraint", "encoder", "model", "renderer", "sampler"]


def encoder(name: str, /, **options: object) -> Encoder:
    """Return an encoder, which turns a Piece into steps and back.

    name, options: as `howlkit plugins list` and `howlkit plugins show NAME` list them. Raises
    PluginError if no encoder of that name is installed, OptionError for a wrong option.

    >>> from howlkit import Piece
    >>> steps = encoder("tuple", grid=12).encode(Piece.of([(0, 480, 60), (480, 480, 64)]))
    >>> steps["pitch"].tolist()  # a start row, two notes, an end row
    [0, 60, 64, 0]
    """
    made: Encoder = plugins.create("encoder", _name("encoder", name), options)
    return made


def model(name: str, /, **options: object) -> Model:
    """Return a model, which builds a network for any encoder; arguments and errors as `encoder`.

    >>> model("lstm", hidden=256).hidden
    256
    """
    made: Model = plugins.create("model", _name("model", name), options)
    return made


def sampler(name: str, /, **options: object) -> Sampler:
    """Return a sampler, which chooses each step; arguments and errors as `encoder`.

    Options of single fields are tables: pitch={"top_k": 8}.

    >>> sampler("autoregressive", temperature=0.9, pitch={"top_k": 8}).temperature
    0.9
    """
    made: Sampler = plugins.create("sampler", _name("sampler", name), options)
    return made


def constraint(name: str, /, **options: object) -> Constraint:
    """Return a constraint, which says what may sound; arguments and errors as `encoder`.

    >>> constraint("none")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    howlkit.errors.PluginError: there is no constraint 'none'. Constraints: ...
    """
    made: Constraint = plugins.create("constraint", _name("constraint", name), options)
    return made


def augmenter(name: str, /, **options: object) -> Augmenter:
    """Return an augmenter, which changes a Piece at random; arguments and errors as `encoder`.

    >>> import numpy as np
    >>> from howlkit import Piece
    >>> up = augmenter("transpose", low=2, high=2)
    >>> up(Piece.of([(0, 480, 60)]), np.random.default_rng(0)).notes["pitch"].tolist()
    [62]
    """
    made: Augmenter = plugins.create("augmenter", _name("augmenter", name), options)
    return made


def renderer(name: str, /, **options: object) -> Renderer:
    """Return a renderer, which turns a Piece into sound; arguments and errors as `encoder`.

    >>> from howlkit import Piece
    >>> blocks = list(renderer("bank").render(Piece.of([(0, 480, 60)]), 22050))
    >>> blocks[0].shape[1]  # left and right
    2
    """
    made: Renderer = plugins.create("renderer", _name("renderer", name), options)
    return made


def _name(kind: str, name: object) -> str:
    if isinstance(name, str):
        return name
    names = ", ".join(component.name for component in plugins.components(kind))
    raise ArgumentError(f"{kind} takes the name of one, and {name!r} is none; {kind}s: {names}")
