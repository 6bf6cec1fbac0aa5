"""Candidates for a region, side by side in one session: what comes before, then new notes.

Where notes are kept inside the region, the rows play up to each of them, hear it in its place, and
go on. How well a kept note follows from what a row has made is the row's weight, and rows are drawn
again by it (a particle filter, as in Walder and Kim 2018, "Computer Assisted Composition in
Continuous Time"; systematic resampling, Kitagawa 1996).

Shapes: B rows.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.music.tables import Table
from howlkit.protocols import Constraint
from howlkit.sampling.generation import SessionMaker
from howlkit.sampling.limits import Limit
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.placement import without_end_row
from howlkit.sampling.replacing.given import Given, GivenNotes
from howlkit.sampling.replacing.region import Region
from howlkit.sampling.session import Session
from howlkit.schema import START, Steps

__all__ = ["Candidates", "StoppedError", "Watch", "common_steps", "session_before"]

Watch = Callable[[Table], bool | None]
"""Called after every step with the new notes of the first candidate so far; True stops."""

NEAR = 1e-6
"""Positions that differ by less are one."""

TRIES, FEW_TRIES = 64, 4
"""How often a step is drawn again that begins a note before the region; the few, where an earlier
step has said already when the note begins."""

STEPS, STEPS_A_BEAT = 100, 60
"""How many steps a row makes at most, at all and for each beat: in the music of a model that has
hardly learnt, time may stand still."""

ROUNDED = 0.25
"""Beats: what an encoder may round an onset by, at most."""


class StoppedError(Exception):
    """Somebody who watches has asked to stop."""


class Candidates:
    """B candidates for a region, each a row of a session that has heard what comes before.

    notes: (B tables) the new notes of each row so far. nats: (B,), what the kept notes inside the
    region cost each row so far. groups: into how many groups the rows fall that are drawn again
    among themselves. ancestors: (B,), which row of the last `fork` each has come from.
    """

    def __init__(
        self,
        session: Session,
        region: Region,
        params: SamplingParams,
        *,
        groups: int = 1,
        given: Given | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.session, self.region = session, region
        self.notes: list[Table] = [region.original[:0]] * session.rows
        self.nats = np.zeros(session.rows)
        self.ancestors = np.arange(session.rows)
        self._groups = np.arange(session.rows) * groups // session.rows
        self._params, self._watch = params, watch
        self._given = None
        if given is not None:
            self._given = GivenNotes(session, region, given, self)
        self._since = region.begin  # new notes begin here or later
        self._heard_to = region.begin - 1  # the last tick whose kept notes were heard
        self._settled = list(self.notes)  # those before the last kept note that was heard
        self._notes_then = session.notes.copy()  # of the session, when that was heard
        self._shown = [region.original[:0]]  # shared with forks, which show no others
        self._notes_shown, self._first = 0, True
        session.keep()

    def position(self, tick: int) -> float:
        """Return where a tick of the piece lies, in the encoder's clock."""
        piece = self.region.piece
        if self.session.clock == "seconds":
            return float(piece.seconds(tick))
        return tick / piece.ticks_per_beat

    def play_to(self, tick: int, *, look: bool = True) -> None:
        """Let every row make notes that begin before a tick.

        look: put them into `notes`; without it the rows only go on, which is quicker.
        Raises StoppedError, with the notes so far in `notes`, if `watch` asks for it.
        """
        session = self.session
        session.limit = Limit(until=self.position(tick), ends=False)
        beats = (tick - self._since) / self.region.piece.ticks_per_beat
        longest = int(session.lengths.max()) + STEPS + round(beats * STEPS_A_BEAT)
        try:
            while not session.done.all() and session.lengths.max() < longest:
                early = session.now < self.position(self._since) - NEAR
                if self._given is not None:
                    if not (due := self._given.due & ~session.done).any():
                        break
                    session.step(self._params, functions=[self._given], rows=due)
                elif early.any():
                    self._step_into_region()
                else:
                    session.step(self._params)
                self._show()
        except StoppedError:
            self._take_in(tick)
            raise
        if look:
            self._take_in(tick)

    def hear(self, tick: int, rng: np.random.Generator) -> None:
        """Let every row hear the kept notes that begin at a tick; rows that foresaw them stay.

        rng: draws which rows are doubled.
        """
        coming = [self._steps_up_to(row, tick) for row in range(self.session.rows)]
        fits = [common_steps(self.session.steps_of(row), steps) for row, steps in enumerate(coming)]
        self.session.rewind(np.array(fits))
        more = [steps[fit - 1 :] for steps, fit in zip(coming, fits, strict=True)]
        nats = self.session.nats_of(more).sum(axis=1)
        self.session.feed(more)
        self.nats, self._settled = self.nats + nats, list(self.notes)
        self._notes_then = self.session.notes.copy()
        self._resample(nats, rng)
        self.session.keep()
        self._since = self._heard_to = tick

    def fork(self) -> Candidates:
        """Return the same candidates, to go on from here on their own."""
        twin = copy.copy(self)
        twin.session, twin.notes = self.session.fork(), list(self.notes)
        twin._first = False  # only those of the first candidates are shown
        if self._given is not None:
            twin._given = self._given.copy(twin)
        self.ancestors = np.arange(self.session.rows)
        return twin

    def select(self, rows: NDArray[np.intp]) -> None:
        """Keep these rows, in this order; one that is named twice goes on in two ways."""
        self.session.select(rows)
        self._notes_then = self._notes_then[rows]
        if self._given is not None:
            self._given.forget()
        self.notes = [self.notes[row] for row in rows.tolist()]
        self._settled = [self._settled[row] for row in rows.tolist()]
        self.nats, self.ancestors = self.nats[rows], self.ancestors[rows]

    def steps_before_end(self, row: int, *, tail: Table) -> tuple[Steps, int]:
        """Return the steps of a row's music with some notes after it, and where these begin.

        tail: the first notes after the region; without any, the steps reach to the end row.
        """
        music = self.music(row)
        own = self._encoded(music)
        if not len(tail):
            whole = music.replace(has_end=True)
            return self.session.encoder.encode(whole)[1:], len(own)
        both = music.replace(notes=np.concatenate((music.notes, tail)))
        steps = self._up_to_last_onset(self._encoded(both))
        return steps, common_steps(own, steps)

    def music(self, row: int) -> Piece:
        """Return what a row has heard and made up to the region's end, notes as long as made."""
        region = self.region
        kept = region.kept.notes[region.kept.notes["start"] < region.stop]
        return region.kept.replace(notes=np.concatenate((kept, self.notes[row])), has_end=False)

    # How it is done -----------------------------------------------------------------------------

    def _step_into_region(self) -> None:
        """Take one step in every row that begins no note before the region.

        A step that does is taken back and drawn again, which leaves each of the others as likely as
        the model has it. Rows for which nothing else is found begin late: their notes are left out.
        """
        session, since = self.session, self.position(self._since)
        todo, stood = ~session.done, session.now.copy()
        moves = np.zeros(session.rows, bool)  # whether a step that begins a note may move time
        for attempt in range(TRIES + 1):
            lengths, notes = session.lengths.copy(), session.notes.copy()
            session.step(self._params, rows=todo)
            todo = todo & (session.notes > notes) & (session.now < since - NEAR)
            moves |= session.now != stood
            if attempt >= FEW_TRIES:
                todo = todo & moves
            if not todo.any() or attempt == TRIES:
                return
            session.rewind(np.where(todo, lengths, session.lengths))

    @property
    def begun(self) -> NDArray[np.int64]:
        """(B,): how many new notes each row has begun, a note beyond the last tick included."""
        settled = np.array([len(notes) for notes in self._settled])
        return np.asarray(settled + self.session.notes - self._notes_then)

    def heard_and_made(self, row: int) -> Table:
        """Return the notes that a row has heard and made so far."""
        kept = self.region.kept.notes
        heard = kept[kept["start"] <= self._heard_to]
        return np.concatenate((heard, self._settled[row], self._made(row)))

    def _made(self, row: int) -> Table:
        """Return the notes that a row has made since the last kept note that it heard."""
        piece, since = self.region.piece, self._since
        made = self.session.made(row).at_resolution(piece.ticks_per_beat).notes.copy()
        made = made[made["start"] >= since - round(ROUNDED * piece.ticks_per_beat)]
        made["start"] = np.maximum(made["start"], since)
        return made

    def _take_in(self, tick: int) -> None:
        """Take in what each row has made since the last kept note, up to a tick."""
        for row in range(self.session.rows):
            made = self._made(row)
            made = made[made["start"] < tick]
            before = self._settled[row]
            self.notes[row] = np.concatenate((before, made))
            if len(before):
                self.notes[row] = self._with_lengths(row)

    def _with_lengths(self, row: int) -> Table:
        """Return the new notes of a row, as long as they are in its steps by now.

        A note of an encoder that ends notes by later steps may have had no end before.
        """
        new, kept = self.notes[row].copy(), self.region.inside
        kept = kept[kept["start"] <= self._since]
        piece = self.session.piece(row).at_resolution(self.region.piece.ticks_per_beat)
        ours, theirs = _by_key(np.concatenate((new, kept))), _by_key(piece.notes)
        for key, mine in ours.items():
            there = theirs.get(key, mine[:0])
            if len(mine) <= len(
                there
            ):  # the last of the key are the new ones, and kept ones inside
                lengths = piece.notes["duration"][there[len(there) - len(mine) :]]
                new["duration"][mine[mine < len(new)]] = lengths[mine < len(new)]
        return new

    def _steps_up_to(self, row: int, tick: int) -> Steps:
        """Return the steps of a row, with the kept notes up to a tick, after its start row."""
        kept = self.region.kept.notes
        notes = np.concatenate((kept[kept["start"] <= tick], self.notes[row]))
        piece = self.region.kept.replace(notes=notes, has_end=False)
        return self._up_to_last_onset(self._encoded(piece))

    def _encoded(self, piece: Piece) -> Steps:
        """Return the steps of a piece, without start and end rows."""
        return without_end_row(self.session.encoder.encode(piece))[1:]

    def _up_to_last_onset(self, steps: Steps) -> Steps:
        """Return steps without those that only say how long notes last, after the last onset."""
        encoder, like = self.session.encoder, self.session.like
        music = encoder.decode(steps, like=like)
        if not len(music):
            return steps
        ticks = encoder.ticks(steps, like=like)
        return steps[ticks <= int(music.notes["start"].max())]

    def _resample(self, nats: NDArray[np.float64], rng: np.random.Generator) -> None:
        """Draw rows again by how well they foresaw what was just heard, where few of them did.

        Each group of rows is drawn from itself, so that the groups stay different.
        """
        rows = np.arange(len(nats))
        for group in range(int(self._groups[-1]) + 1):
            mine = np.flatnonzero(self._groups == group)
            weights = np.exp(nats[mine].min() - nats[mine])
            weights /= weights.sum()
            if 1 / np.square(weights).sum() < len(mine) / 2:
                places = (rng.random() + np.arange(len(mine))) / len(mine)
                drawn = np.searchsorted(np.cumsum(weights), places)
                rows[mine] = mine[drawn.clip(0, len(mine) - 1)]
        if (rows != np.arange(len(rows))).any():
            self.select(rows)

    def _show(self) -> None:
        if self._watch is None:
            return
        made = int(self.session.notes[0])
        if self._first and made != self._notes_shown:
            new = self._made(0)
            new = new[new["start"] < self.region.stop]
            self._shown[0], self._notes_shown = np.concatenate((self._settled[0], new)), made
        if self._watch(self._shown[0]):
            raise StoppedError


def session_before(
    trained: SessionMaker,
    region: Region,
    *,
    seed: int = 0,
    constraints: Sequence[Constraint] = (),
) -> Session:
    """Return a session of one row that has heard what comes before a region, and no more."""
    session = trained.session(
        rows=1, seed=seed, limit=Limit(ends=False), like=region.kept, constraints=constraints
    )
    encoder = session.encoder
    if len(encoder.decode(encoder.encode(region.before))):  # it may keep none: drums, for instance
        session.prompt(region.before)
    return session


def common_steps(one: Steps, other: Steps) -> int:
    """Return how many steps two arrays have in common from the first on; start rows are left out.

    The number counts a start row that `one` has, as the lengths of a session do.
    """
    begins = int(len(one) > 0 and one["mark"][0] == START)
    one = one[begins:]
    n = min(len(one), len(other))
    if not n:
        return begins
    same = np.ones(n, bool)
    for name in one.dtype.names or ():
        same &= (one[name][:n] == other[name][:n]).reshape(n, -1).all(axis=1)
    return begins + (int(same.argmin()) if not same.all() else n)


def _by_key(notes: Table) -> dict[int, NDArray[np.intp]]:
    """Return the indices of notes by key, a pitch of a program, in the order of their onsets."""
    key = notes["program"].astype(np.int64) * 128 + notes["pitch"]
    order = np.lexsort((notes["start"], key))
    bounds = np.flatnonzero(np.diff(key[order])) + 1
    return {int(key[part[0]]): part for part in np.split(order, bounds) if len(part)}
