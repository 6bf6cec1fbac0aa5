"""The recipe of a run: its components and their options, to and from JSON.

A Recipe is resolved once, when a run begins, and stored with it. Resuming, sampling and evaluating
build everything from what was stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar, Literal

from howlkit import options, plugins
from howlkit.errors import CheckpointError, OptionError, PluginError, did_you_mean
from howlkit.head_options import HeadOptions
from howlkit.options import option
from howlkit.plugins.attribution import owner_of
from howlkit.plugins.checked import CheckedAugmenter, CheckedEncoder, unwrapped
from howlkit.plugins.contracts import advice
from howlkit.protocols import Augmenter, Encoder, Model, TunedModel
from howlkit.training.changed_components import lost, options_refused

__all__ = ["Recipe", "TrainingOptions", "component_json", "training_defaults", "versions"]


@dataclass(frozen=True)
class TrainingOptions:
    """Options of the training loop, except how long it runs (--steps, --minutes)."""

    batch: int = option(16, "rows side by side", low=1, high=65536)
    window: int = option(128, "notes of each row between two updates", low=2, high=65536)
    carry: int = option(8, "windows over which a row's state is carried; 1: none", low=1, high=4096)
    rate: float = option(0.005, "learning rate at its highest", low=0.0, high=1.0)
    warmup: int = option(
        50, "steps until the rate is at its highest; then it falls to a hundredth", low=0
    )
    weight_decay: float = option(0.05, "decay, times the rate; matrices only", low=0.0, high=1.0)
    clip: float = option(1.0, "largest norm of the gradients; 0: no clipping", low=0.0)
    ema: float = option(
        0.0, "decay of averaged weights, such as 0.999; 0: none", low=0.0, high=0.99999
    )
    validate_every: int = option(200, "steps between validations, and checkpoints", low=1)
    validation_notes: int = option(50_000, "notes of a validation during training", low=1)
    patience: int = option(20, "validations without progress until it stops; 0: never", low=0)
    optimizer: Literal["adamw", "muon"] = option(
        "adamw",
        "muon: Muon for matrices between hidden vectors, AdamW for the rest",
        before="adamw",
    )
    accumulate: int = option(
        1,
        "parts that a batch is computed in, one by one, to save memory",
        low=1,
        high=65536,
        before=1,
    )

    name: ClassVar[str] = "training"


@dataclass(frozen=True)
class Recipe:
    """The components of one run, as objects; encoder and augmenters are kept checked."""

    encoder: Encoder
    model: Model
    heads: HeadOptions = field(default_factory=HeadOptions)
    augmenters: tuple[Augmenter, ...] = ()
    training: TrainingOptions = field(default_factory=TrainingOptions)

    def __post_init__(self) -> None:
        """Wrap encoder and augmenters in their checks, if they are not wrapped yet."""
        object.__setattr__(self, "encoder", CheckedEncoder.of(self.encoder))
        augmenters = tuple(CheckedAugmenter.of(each) for each in self.augmenters)
        object.__setattr__(self, "augmenters", augmenters)

    @classmethod
    def choose(
        cls,
        encoder: str | Encoder,
        model: str | Model,
        *,
        augment: Sequence[str | Augmenter] = (),
        values: Mapping[str, Mapping[str, object]] | None = None,
    ) -> Recipe:
        """Return the recipe of the components with these names, or of components that are made.

        values: options by component name, as `options.parse` returns them; not of components that
        are made, which have their own. Options of training that are not given are those that the
        model is best trained with (`protocols.TunedModel`). Raises PluginError for a component that
        is not installed, OptionError for options of a component that is not chosen by its name.
        """
        given = {name: dict(table) for name, table in (values or {}).items()}
        named = [each for each in (encoder, model, *augment) if isinstance(each, str)]
        used = [*named, HeadOptions.name, TrainingOptions.name]
        for name in given:
            if name not in used:
                raise OptionError(
                    f"options are given for {name!r}, which this run does not use."
                    f"{did_you_mean(name, used)} Options can be given for: {', '.join(used)}"
                )
        chosen: Model = _chosen("model", model, given)
        training = training_defaults(chosen) | given.get(TrainingOptions.name, {})
        return cls(
            _chosen("encoder", encoder, given),
            chosen,
            options.build(HeadOptions, given.get(HeadOptions.name, {})),
            tuple(_chosen("augmenter", each, given) for each in augment),
            options.build(TrainingOptions, training),
        )

    @classmethod
    def made(cls, encoder: Encoder, model: Model, heads: HeadOptions) -> Recipe:
        """Return the recipe of an encoder and a model that are made, installed or not.

        Raises OptionError if one is a class or has no name, or an installed component has its name.
        """
        for kind, component in (("encoder", encoder), ("model", model)):
            _check_made(kind, component)
        return cls(encoder, model, heads)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict with each component's name, options and distribution.

        A component that no package brings has no distribution; its class is named instead.
        """
        return {
            "encoder": component_json("encoder", self.encoder),
            "model": component_json("model", self.model),
            "heads": options.to_json(self.heads),
            "augmenters": [component_json("augmenter", a) for a in self.augmenters],
            "training": options.to_json(self.training),
        }

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], *, encoder: Encoder | None = None, model: Model | None = None
    ) -> Recipe:
        """Return the recipe that `to_json` described.

        encoder, model: components to use, with the options that are stored; None: the installed
        ones. Raises CheckpointError if a component is not installed any more, with the distribution
        and version that had it, if it has other options than it had, if one that is given is
        another, or if the description is damaged.
        """
        try:
            return cls(
                _component("encoder", data["encoder"], encoder),
                _component("model", data["model"], model),
                options.build(HeadOptions, options.with_earlier(HeadOptions, data["heads"])),
                tuple(_component("augmenter", a) for a in data["augmenters"]),
                options.build(
                    TrainingOptions, options.with_earlier(TrainingOptions, data["training"])
                ),
            )
        except OptionError as error:
            raise CheckpointError(
                f"this version of howlkit refuses options that this was trained with: {error}"
            ) from error
        except (AttributeError, KeyError, TypeError) as error:
            raise CheckpointError(f"the stored recipe is damaged: {error!r}") from error


def training_defaults(model: Model) -> dict[str, object]:
    """Return the options of training that a model is best trained with, if it says so.

    Raises PluginError if it names options or values that there are not.
    """
    if not isinstance(model, TunedModel):
        return {}
    defaults = dict(model.training_defaults)
    try:
        options.build(TrainingOptions, defaults)
    except OptionError as error:
        raise PluginError(
            f"{owner_of(model)}: `training_defaults` are refused: {error}{advice(model)}"
        ) from error
    return defaults


def _chosen(
    kind: str,
    component: Any,  # noqa: ANN401 - a name, or any component
    given: Mapping[str, Mapping[str, object]],
) -> Any:  # noqa: ANN401 - any component
    """Return the component of a name, or one that is made: of a class that a run can store."""
    if isinstance(component, str):
        return plugins.create(kind, component, given.get(component))
    _check_made(kind, component)
    plugins.get(kind, component.name)  # a run is resumed from its files: it must be installed
    return component


def _check_made(kind: str, component: Any) -> None:  # noqa: ANN401 - what may be a component
    """Raise OptionError for what is no component that is made, or has the name of another one."""
    cls = type(unwrapped(component))
    name = getattr(cls, "name", None)
    if isinstance(component, type) or not isinstance(name, str):
        raise OptionError(
            f"{kind} is {component!r}; give the name of one, or one that is made, such as "
            f"howlkit.{kind}({plugins.components(kind)[0].name!r})"
        )
    found = _installed_component(kind, name)
    if found is not None and found.cls is not cls:
        raise OptionError(
            f"{kind} {name!r} is a {cls.__qualname__} of {cls.__module__}, but the installed "
            f"{kind} of that name is another, and a run stores the name: name yours otherwise"
        )


def _installed_component(kind: str, name: str) -> plugins.Component | None:
    return next((each for each in plugins.components(kind) if each.name == name), None)


def component_json(kind: str, component: Any) -> dict[str, Any]:  # noqa: ANN401 - any component
    """Return the name, the options, the distribution and its version of a component, JSON-ready.

    A component that no package brings has no distribution; its class is named instead.
    """
    own = unwrapped(component)
    described = {"name": component.name, "options": options.to_json(own)}
    found = _installed_component(kind, component.name)
    if found is None:
        cls = type(own)
        where = {"distribution": None, "version": None}
        return described | where | {"class": f"{cls.__module__}.{cls.__qualname__}"}
    return described | {"distribution": found.distribution, "version": found.version}


def _component(kind: str, data: Mapping[str, Any], given: Any = None) -> Any:  # noqa: ANN401 - any component
    """Return the component of a description: the installed one, or the one that is given."""
    if given is not None:
        mine = {"name": given.name, "options": options.to_json(unwrapped(given))}
        stored = {"name": data["name"], "options": dict(data["options"])}
        if mine != stored:
            raise CheckpointError(
                f"this model needs the {kind} {stored['name']!r} with the options "
                f"{stored['options']}; the one given is {mine['name']!r} with {mine['options']}"
            )
        return given
    try:
        cls = plugins.get(kind, data["name"]).cls
        return plugins.create(kind, data["name"], options.with_earlier(cls, data["options"]))
    except PluginError as error:
        if data["distribution"] is None:
            name = data["name"]
            raise CheckpointError(
                f"this model needs the {kind} {name!r}, the class {data.get('class')} of a script; "
                f"no installed package brings it. In Python, give it: howlkit.load(..., {kind}=...)"
                f"; for the command line, put it into a package: howlkit plugins new {kind} {name}"
            ) from error
        raise lost(kind, data, error) from error
    except OptionError as error:
        raise options_refused(kind, data, error) from error


def versions(names: Iterable[str] = ("howlkit", "torch", "numpy", "symusic")) -> dict[str, str]:
    """Return the versions of distributions: of howlkit and what its results depend on."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return found
