"""A trained model: a network with its recipe, loaded from a folder or saved to one."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.music.piece import TEMPO, TIME_SIGNATURE, Piece
from howlkit.music.tables import DEFAULT_TEMPO, SLOWEST_TEMPO
from howlkit.network.device import pick_device
from howlkit.plugins.checked import CheckedEncoder
from howlkit.protocols import Constraint, Encoder, Model, Sampler
from howlkit.sampling.emphasis import EMPHASIS, emphasis_of, emphasised
from howlkit.sampling.identity import model_hash, weights_hash
from howlkit.sampling.limits import Limit
from howlkit.sampling.runner import CompilableModel, Runner, Stepping
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.sampling.steering import constraints_of, rules_of
from howlkit.sampling.stored_network import StoredNetwork
from howlkit.sampling.wishes import Wishes
from howlkit.schema import Schema
from howlkit.training import curves, model_folder, run_folders, shipped_models
from howlkit.training.progress import Metrics
from howlkit.training.recipe import Recipe
from howlkit.training.weights import read_arrays, read_tensors

if TYPE_CHECKING:
    import torch

    from howlkit.dataset import Dataset
    from howlkit.network.network import Network
    from howlkit.sampling.replacing.candidates import Watch
    from howlkit.sampling.replacing.region import Keep, Span
    from howlkit.sampling.replacing.takes import Take
    from howlkit.sampling.sample import Music

__all__ = ["Trained"]


@dataclass(frozen=True, repr=False)
class Trained:
    """A network with the recipe that it was made by.

    held: the network, or its stored weights as long as nothing has needed torch.
    facts: JSON-ready: unigram (counts by field over the training part), tempo (median microseconds
    a beat), time_signature (of the training part, if it agrees on one), data, step, nats_per_note
    (validation) and versions.
    stepping: how its sessions run the network (`runners.make_runner`).
    path: the folder that it was loaded from; None: it was not.

    >>> from tempfile import TemporaryDirectory
    >>> from howlkit.network.likelihood import unigram
    >>> recipe = Recipe.choose("tuple", "lstm", values={"lstm": {"hidden": 16}})
    >>> network = recipe.model.build(recipe.encoder.schema, recipe.heads)  # random weights
    >>> counts = unigram(recipe.encoder, [Piece()])
    >>> facts = {"unigram": {name: count.tolist() for name, count in counts.items()}}
    >>> with TemporaryDirectory() as folder:
    ...     _ = Trained(recipe, network, facts).save_pretrained(folder)
    ...     trained = Trained.from_pretrained(folder, stepping="plain")
    >>> trained.recipe.model.hidden
    16
    """

    recipe: Recipe
    held: Network | StoredNetwork
    facts: Mapping[str, Any]
    stepping: Stepping = "auto"
    path: Path | None = None

    def __repr__(self) -> str:
        """Show encoder, model and folder, and how long and how well it is trained."""
        step, nats = self.facts.get("step"), self.facts.get("nats_per_note")
        parts = [self.encoder.name, self.model.name, *([str(self.path)] if self.path else [])]
        parts += [f"{step} steps"] if step is not None else []
        parts += [f"{nats:.3f} nats a note in validation"] if nats is not None else []
        return f"Trained({', '.join(parts)})"

    def _repr_html_(self) -> str:
        """Show what it is and the curves of its training in a notebook."""
        shown = escape(repr(self))
        logged = [] if self.path is None else Metrics(self.path / "metrics.jsonl").read()
        music = str(self.facts.get("data", {}).get("summary", ""))
        drawn = curves.draw(logged, title=music, width=curves.NARROW).to_svg() if logged else ""
        return f"<div><code>{shown}</code>{drawn}</div>"

    @property
    def encoder(self) -> Encoder:
        """The encoder, which turns pieces into the steps of the network and back."""
        return self.recipe.encoder

    @property
    def model(self) -> Model:
        """The model that the network is of."""
        return self.recipe.model

    @property
    def schema(self) -> Schema:
        """The fields of a step."""
        return self.recipe.encoder.schema

    @property
    def network(self) -> Network:
        """The network, as torch's modules."""
        return self.held.network if isinstance(self.held, StoredNetwork) else self.held

    @cached_property
    def runner(self) -> Runner:
        """The runner that sessions copy; made once, with the weights that the network has then.

        What the facts emphasise counts for more in it (`emphasis`).
        """
        recipe = self.recipe
        held = emphasised(self.held, recipe.heads, self.facts.get(EMPHASIS) or {})
        return make_runner(held, recipe.encoder.schema, recipe.model, stepping=self.stepping)

    def with_emphasis(self, emphasis: Mapping[str, float] | str) -> Trained:
        """Return the same model, in whose new music some parts count for more, or less.

        emphasis: by part a factor in 0..10, in place of what the run advises; those that are not
        named count as they were learnt to. "votes": what earlier notes vote for, so with more of
        it music repeats itself more. "sounding": what a pitch sounds with, so with more of it notes
        are more consonant. Likelihoods stay those of the network. Raises ArgumentError for a part
        that the model does not have.

        >>> import howlkit
        >>> howlkit.load("chorales").with_emphasis({}).facts["emphasis"]
        {}
        """
        found = emphasis_of(emphasis, self.recipe.heads)
        return dataclasses.replace(self, facts={**self.facts, EMPHASIS: found})

    @property
    def needs_torch(self) -> bool:
        """Whether a session of one row is stepped by torch."""
        return self.runner.needs_torch

    @property
    def device(self) -> str:
        """Where the network is: "cpu", "cuda" or "mps"."""
        if isinstance(self.held, StoredNetwork):
            return "cpu"
        weight = next(self.held.parameters(), None)
        return "cpu" if weight is None else weight.device.type

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """What a record says of the model: JSON-ready; the weights are those at the first call.

        name: only of a model that comes with howlkit; that of a run is its owner's. sha256:
        `identity.model_hash`. emphasis: what counts for more, if anything does. encoder, model:
        names. distributions: the packages of these two.
        """
        made = self.recipe.to_json()
        parts = {kind: made[kind]["name"] for kind in ("encoder", "model")}
        packages = {made[kind]["distribution"] for kind in ("encoder", "model")} - {None}
        name: dict[str, str] = {}
        if self.path is not None and not self.path.exists():  # a name, and not a folder
            shipped = shipped_models.find(self.path)
            name = {} if shipped is None else {"name": shipped.name}
        digest = model_hash(weights_hash(self.held), self.recipe, self.facts)
        louder = {EMPHASIS: self.facts[EMPHASIS]} if self.facts.get(EMPHASIS) else {}
        return {**name, "sha256": digest, **louder, **parts, "distributions": sorted(packages)}

    @classmethod
    def of(
        cls,
        network: Network,
        encoder: str | Encoder,
        model: str | Model,
        data: Dataset | None = None,
    ) -> Trained:
        """Return a network, trained by a loop of one's own, as a Trained; it is not copied.

        encoder, model: those that the network was built by, `model.build(encoder.schema, heads)`;
        names, or made. They need not be installed: `save_pretrained` then stores their names, and
        they must be given to load it again.
        data: the dataset whose training part it was trained on. New music then begins in its tempo
        and time signature, and `howlkit evaluate` knows the unigram model. Without it music begins
        at 120 beats a minute.

        Sessions take the weights as they are when the first begins, so make another Trained after
        further training. Raises ArgumentError if the model does not build such a network for the
        encoder, and OptionError for one that is not installed and has the name of one that is.

        >>> from howlkit import encoder, model
        >>> from howlkit.head_options import HeadOptions
        >>> tuples, lstm = encoder("tuple"), model("lstm", hidden=16)
        >>> network = lstm.build(tuples.schema, HeadOptions())  # and here it is trained
        >>> len(Trained.of(network, tuples, lstm).sample(notes=5, seed=1))
        5
        """
        from howlkit.training.facts import facts_of
        from howlkit.training.own_networks import recipe_of

        recipe = recipe_of(network, encoder, model)
        return cls(recipe, network, facts_of(recipe.encoder, data))

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        device: str | torch.device = "cpu",
        stepping: Stepping | None = "auto",
        encoder: Encoder | None = None,
        model: Model | None = None,
        checkpoint: int | None = None,
    ) -> Trained:
        """Return the model in a run's folder, or in the `model` folder itself.

        device: a device as torch names it; "auto": the CPU if compiled code steps the network, or
        else the best device of the machine.
        stepping: how sessions are to run the network. The code for it is loaded with the model, and
        compiled the first time on a machine; None: that happens when a session begins.
        encoder, model: those that the model was saved with, with the same options, if no installed
        package brings them.
        checkpoint: the step of a checkpoint of the run, for its weights instead of the best ones.
        Raises CheckpointError if there is no model, if a file is damaged, or if a plugin that the
        model needs is not installed. Reads only below `path`, and never unpickles.
        """
        folder = run_folders.find_model(Path(path))
        recipe, facts = model_folder.read_config(folder, encoder=encoder, model=model)
        if checkpoint is not None:
            place = pick_device("auto") if device == "auto" else device
            network = _at_step(Path(path), recipe, checkpoint).to(place)
            known = {**facts, "step": checkpoint, "nats_per_note": None}  # these weights' are not
            trained = cls(recipe, network, known, stepping or "auto", Path(path))
        elif stepping in ("auto", "compiled") and str(device) in ("auto", "cpu"):
            trained = cls(recipe, _stored(folder, recipe), facts, stepping, Path(path))
            if trained.runner.name == "plain" and device == "auto":
                best = pick_device("auto")
                if best.type != "cpu":
                    trained = dataclasses.replace(trained, held=trained.network.to(best))
        else:
            place = pick_device("auto") if device == "auto" else device
            network = _load(folder, recipe).to(place)
            trained = cls(recipe, network, facts, stepping or "auto", Path(path))
        if stepping is not None:
            trained._take_a_step()
        return trained

    def _take_a_step(self) -> None:
        """Let compiled code be loaded, or compiled, by a step as `sample` takes it; it is lost.

        A model that can make no step is loaded all the same: it may serve for something else, and
        whoever samples is told why.
        """
        if self.runner.name == "compiled":
            with contextlib.suppress(HowlkitError):
                self.session(constraints=constraints_of(Wishes())).step()

    def save_pretrained(self, path: str | Path) -> Path:
        """Write the model folder; each file is replaced whole, the weights last.

        Raises CheckpointError if the disk is full or read-only.
        """
        return model_folder.save(Path(path), self.recipe, self.network, self.facts)

    def session(
        self,
        *,
        rows: int = 1,
        seed: int = 0,
        limit: Limit = Limit(),
        like: Piece | None = None,
        constraints: Sequence[Constraint] = (),
    ) -> Session:
        """Return a session at the start of `rows` new pieces.

        like: the piece that lends the music its tempo map, metre and resolution; None: those of the
        training music, as `opening` gives them. constraints: what may sound, such as
        `howlkit.constraint("range", low=48)`; none hold unless they are given. For them, a `like`
        with notes is the prompt. Raises HowlkitError if one of them cannot hold for this music, or
        if they leave no note.
        """
        like = like if like is not None else self.opening()
        encoder = self.recipe.encoder
        rules = rules_of(constraints, encoder, like=like, facts=self.facts) if constraints else ()
        return Session(
            self.runner.twin(),
            encoder,
            rows=rows,
            seed=seed,
            limit=limit,
            like=like,
            rules=rules,
        )

    @overload
    def sample(
        self,
        n: None = None,
        *,
        seed: int = 0,
        notes: int | None = None,
        seconds: float | None = None,
        beats: float | None = None,
        bars: int | None = None,
        may_end: bool = False,
        prompt: Music | None = None,
        prompt_seconds: float | None = None,
        without_prompt: bool = False,
        tempo: float | None = None,
        time_signature: str | tuple[int, int] | None = None,
        key: str | None = None,
        range: str | Sequence[int | str] | None = None,
        instruments: str | int | Sequence[str | int] | None = None,
        max_polyphony: int | None = None,
        density: str | float | None = None,
        chords: str | None = None,
        constraints: str | Constraint | Sequence[str | Constraint] = (),
        without: str | Sequence[str] = (),
        temperature: float | None = None,
        top_p: float | None = None,
        sampler: str | Sampler = "autoregressive",
        provenance: bool = True,
        **options: object,
    ) -> Piece: ...

    @overload
    def sample(
        self,
        n: int,
        *,
        seed: int = 0,
        notes: int | None = None,
        seconds: float | None = None,
        beats: float | None = None,
        bars: int | None = None,
        may_end: bool = False,
        prompt: Music | None = None,
        prompt_seconds: float | None = None,
        without_prompt: bool = False,
        tempo: float | None = None,
        time_signature: str | tuple[int, int] | None = None,
        key: str | None = None,
        range: str | Sequence[int | str] | None = None,
        instruments: str | int | Sequence[str | int] | None = None,
        max_polyphony: int | None = None,
        density: str | float | None = None,
        chords: str | None = None,
        constraints: str | Constraint | Sequence[str | Constraint] = (),
        without: str | Sequence[str] = (),
        temperature: float | None = None,
        top_p: float | None = None,
        sampler: str | Sampler = "autoregressive",
        provenance: bool = True,
        **options: object,
    ) -> list[Piece]: ...

    def sample(
        self,
        n: int | None = None,
        *,
        seed: int = 0,
        notes: int | None = None,
        seconds: float | None = None,
        beats: float | None = None,
        bars: int | None = None,
        may_end: bool = False,
        prompt: Music | None = None,
        prompt_seconds: float | None = None,
        without_prompt: bool = False,
        tempo: float | None = None,
        time_signature: str | tuple[int, int] | None = None,
        key: str | None = None,
        range: str | Sequence[int | str] | None = None,
        instruments: str | int | Sequence[str | int] | None = None,
        max_polyphony: int | None = None,
        density: str | float | None = None,
        chords: str | None = None,
        constraints: str | Constraint | Sequence[str | Constraint] = (),
        without: str | Sequence[str] = (),
        temperature: float | None = None,
        top_p: float | None = None,
        sampler: str | Sampler = "autoregressive",
        provenance: bool = True,
        **options: object,
    ) -> Piece | list[Piece]:
        """Return a new piece, or a list of `n`, as `howlkit sample` makes them.

        seed: another seed gives other music; equal arguments give equal music. notes, seconds,
        beats, bars: where it stops, the first of them that is reached; without one the model ends
        it. Bars are those of the time signature in which the music begins.
        may_end: whether the model may end it before.
        prompt: a Piece to continue, or the path of a file; it comes back with the new music after
        it. prompt_seconds: how much of its beginning to use. without_prompt: return the new music
        only, from the bar or the note where it begins.
        tempo: beats a minute, and time_signature, "3/4" or (3, 4), of music without a prompt; None:
        those of the training music.
        key, range, instruments, max_polyphony, density, chords, constraints, without: what may
        sound, as `sampling.wishes.Wishes` has it: key="D minor", range=(48, 84), density="4/beat".
        temperature, top_p: the options of the sampler of these names. Where you say nothing of how
        values are drawn, they are drawn as the run advises (docs/sampling.md).
        sampler: the name of a sampler, or one of `howlkit.sampler`. options: those of the sampler
        of that name, such as top_k=8, and of single fields: pitch={"top_k": 8}.
        provenance: whether the piece, and a MIDI file that it is written to, carries a record of
        how it was made (`howlkit replay`); another record of a prompt gives way to it.

        Raises ArgumentError for an argument that it does not know or of another type, OptionError
        for a value that an option cannot have, and HowlkitError for a prompt without notes.
        """
        from howlkit.sampling.sample import sample, with_options

        pieces = sample(
            self,
            1 if n is None else n,
            seed=seed,
            notes=notes,
            seconds=seconds,
            beats=beats,
            bars=bars,
            may_end=may_end,
            prompt=prompt,
            prompt_seconds=prompt_seconds,
            without_prompt=without_prompt,
            tempo=tempo,
            time_signature=time_signature,
            wishes=Wishes(
                key=key,
                range=range,
                instruments=instruments,
                max_polyphony=max_polyphony,
                density=density,
                chords=chords,
                constraints=constraints,
                without=without,
            ),
            sampler=sampler,
            options=with_options(options, temperature=temperature, top_p=top_p),
            provenance=provenance,
        )
        return pieces[0] if n is None else pieces

    def replace(
        self,
        piece: Music,
        *,
        bars: tuple[int, int] | None = None,
        beats: Span | None = None,
        seconds: Span | None = None,
        tracks: Iterable[int] | int | None = None,
        keep: Keep | None = None,
        keep_rhythm: bool = False,
        keep_pitches: bool = False,
        cut_held: bool = False,
        takes: int = 4,
        candidates: int | None = None,
        seed: int = 0,
        key: str | None = None,
        range: str | Sequence[int | str] | None = None,
        instruments: str | int | Sequence[str | int] | None = None,
        max_polyphony: int | None = None,
        density: str | float | None = None,
        chords: str | None = None,
        constraints: str | Constraint | Sequence[str | Constraint] = (),
        without: str | Sequence[str] = (),
        temperature: float | None = None,
        top_p: float | None = None,
        watch: Watch | None = None,
        provenance: bool = True,
        **options: object,
    ) -> list[Take]:
        """Return takes of a piece in which a part is made anew, the one that joins best first.

        Nothing else moves by a tick, and what follows is taken into account: candidates are drawn,
        and those are taken after which the music goes on as the model expects it, and which differ
        from each other (`howlkit.sampling.Take`).

        piece: a Piece, or the path of a file. bars: the first and the last bar, counted from 1;
        beats, seconds: from where and to before where; give one of the three. tracks: only notes of
        these tracks are made anew. keep: which of the others stay too: numbers in `piece.notes`, a
        truth value for each, or a function of the table. keep_rhythm, keep_pitches: the new notes
        have onsets, lengths and velocities of the old ones, or their pitches in order. cut_held:
        notes that sound when the part begins end there; else they last as they did.
        takes: how many. candidates: how many are drawn to choose from; None: 32, or as many as
        takes. seed: another seed gives other takes; equal arguments give equal takes.
        key, range, instruments and the others: what new notes may be, as in `sample`. instruments:
        None: those of the notes that are replaced. temperature, top_p, options: how values are
        drawn, as in `sample`: those of the sampler `autoregressive`.
        watch: called after every step with the new notes (a table) of the first candidate so far;
        if it returns True, what there is comes back. provenance: whether the piece of a take
        carries a record of how it was made, as in `sample`.

        Raises ArgumentError for an argument that it does not know or a part that the piece does not
        have, and HowlkitError if the rules leave nothing.
        """
        from howlkit.sampling.replacing.asked import replaced
        from howlkit.sampling.sample import with_options

        return replaced(
            self,
            piece,
            bars=bars,
            beats=beats,
            seconds=seconds,
            tracks=tracks,
            keep=keep,
            keep_rhythm=keep_rhythm,
            keep_pitches=keep_pitches,
            cut_held=cut_held,
            takes=takes,
            candidates=candidates,
            seed=seed,
            wishes=Wishes(
                key=key,
                range=range,
                instruments=instruments,
                max_polyphony=max_polyphony,
                density=density,
                chords=chords,
                constraints=constraints,
                without=without,
            ),
            options=with_options(options, temperature=temperature, top_p=top_p),
            watch=watch,
            provenance=provenance,
        )

    def accompany(
        self,
        melody: Music,
        instruments: str | int | Sequence[str | int] = "piano",
        *,
        takes: int = 1,
        candidates: int | None = None,
        seed: int = 0,
        key: str | None = None,
        range: str | Sequence[int | str] | None = None,
        max_polyphony: int | None = None,
        density: str | float | None = None,
        chords: str | None = None,
        constraints: str | Constraint | Sequence[str | Constraint] = (),
        without: str | Sequence[str] = (),
        temperature: float | None = None,
        top_p: float | None = None,
        watch: Watch | None = None,
        provenance: bool = True,
        **options: object,
    ) -> list[Take]:
        """Return takes of a piece with new notes beside it, on a track of their own.

        melody: a Piece, or the path of a file; all of it stays as it is. instruments: what the new
        notes are played by. The other arguments are those of `replace`, and so are the errors.
        """
        from howlkit.sampling.replacing.asked import accompanied
        from howlkit.sampling.sample import with_options

        return accompanied(
            self,
            melody,
            takes=takes,
            candidates=candidates,
            seed=seed,
            wishes=Wishes(
                key=key,
                range=range,
                instruments=instruments,
                max_polyphony=max_polyphony,
                density=density,
                chords=chords,
                constraints=constraints,
                without=without,
            ),
            options=with_options(options, temperature=temperature, top_p=top_p),
            watch=watch,
            provenance=provenance,
        )

    @overload
    def nats(self, music: Music | Iterable[Music], *, notes: Literal[False] = False) -> float: ...

    @overload
    def nats(self, music: Music, *, notes: Literal[True]) -> NDArray[np.float64]: ...

    def nats(
        self, music: Music | Iterable[Music], *, notes: bool = False
    ) -> float | NDArray[np.float64]:
        """Return how much music surprises the model, in nats a note; fewer are better.

        It is counted as `howlkit evaluate` counts it: whole pieces, without `mark`, and divided by
        the notes that the encoder keeps. An encoder with several spellings of a piece gives too
        many nats.

        music: a Piece, the path of a file, or several of either, which count together. notes: of
        one piece, return (N,) the nats of each note, in the order in which the encoder's steps
        begin them: those of its own step and of the steps since the note before. Their mean is
        what is returned without `notes`.

        Raises DataError if there are no notes, and ArgumentError if it is no music.
        """
        from howlkit.network import likelihood
        from howlkit.network.note_nats import note_nats
        from howlkit.sampling.sample import as_piece, as_pieces

        if notes:
            return note_nats(self.network, self.encoder, as_piece("music", music))
        encoded = likelihood.encode_all(self.encoder, as_pieces(music))
        return likelihood.score(self.network, encoded).nats_per_note

    def opening(
        self, *, bpm: float | None = None, time_signature: tuple[int, int] | None = None
    ) -> Piece | None:
        """Return an empty piece in the tempo and time signature that new music begins with.

        bpm: beats a minute; None: the median of the training part. time_signature: numerator and
        denominator; None: that of the training part, if most of it has the same.
        Returns None if steps of the encoder set the tempo and `bpm` is None. Raises PieceError if a
        MIDI file cannot say the time signature.
        """
        tempo = int(self.facts.get("tempo", DEFAULT_TEMPO)) if bpm is None else round(60e6 / bpm)
        metre = self.facts.get("time_signature") if time_signature is None else time_signature
        if CheckedEncoder.of(self.recipe.encoder).sets_tempo:
            if bpm is None:
                return None
            metre = time_signature  # else the steps say it
        tempos = np.array([(0, min(max(tempo, 1), SLOWEST_TEMPO))], TEMPO)
        metres = np.array([(0, *metre)] if metre else [], TIME_SIGNATURE)
        return Piece(tempos=tempos, time_signatures=metres)


def _stored(folder: Path, recipe: Recipe) -> StoredNetwork:
    """Return the network of a model folder; as arrays too, if its model offers compiled code."""
    weights = folder / model_folder.WEIGHTS
    # Without compiled code nothing reads arrays: torch loads the file itself.
    arrays = read_arrays(weights) if isinstance(recipe.model, CompilableModel) else {}
    schema = recipe.encoder.schema
    return StoredNetwork(schema, recipe.heads, arrays, lambda: _load(folder, recipe))


def _at_step(run: Path, recipe: Recipe, step: int) -> Network:
    """Return the network of a run's checkpoint, by torch, on the CPU."""
    from howlkit.network.build import load_network
    from howlkit.training.checkpoint import read_weights

    weights = read_weights(run, step)
    source = run / "checkpoints" / f"step-{step:08d}"
    return load_network(recipe.model, recipe.encoder.schema, recipe.heads, weights, source)


def _load(folder: Path, recipe: Recipe) -> Network:
    """Return the network of a model folder, by torch, on the CPU."""
    from howlkit.network.build import load_network

    weights = folder / model_folder.WEIGHTS
    schema = recipe.encoder.schema
    return load_network(recipe.model, schema, recipe.heads, read_tensors(weights), weights)
