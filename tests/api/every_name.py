"""A script with every public name of `howlkit`; mypy --strict checks it, and a test runs it."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

import howlkit
from howlkit import (
    Dataset,
    Field,
    HowlkitError,
    Limit,
    Piece,
    SamplingParams,
    Schema,
    Session,
    Take,
    Trained,
    hookimpl,
    option,
)
from howlkit.head_options import HeadOptions
from howlkit.network import Network
from howlkit.protocols import Augmenter, Encoder, Model, Renderer, Sampler, SamplingSession
from howlkit.schema import Steps
from howlkit.training import TensorBatch, baseline_nats, batches, collate, unigram

SMALL: dict[str, object] = {"lstm.hidden": 16, "training": {"batch": 2, "window": 32}}


@dataclass(frozen=True)
class Bold:
    """Draw at a high temperature."""

    temperature: float = option(1.5, "above 1 is bolder", low=0.0)
    name: ClassVar[str] = "bold"

    def generate(self, session: SamplingSession) -> Iterator[Steps]:
        """Yield steps until every row is done."""
        while not session.done.all():
            yield session.step(SamplingParams(temperature=self.temperature))


@hookimpl
def register_samplers(register: Callable[[type[Sampler]], None]) -> None:
    """Register the sampler."""
    register(Bold)


def main(folder: Path) -> None:
    """Train, sample, edit and write in a folder."""
    tune = Piece.of([(240 * i, 240, 60 + 3 * i % 12) for i in range(64)])
    data: Dataset = howlkit.prepare([tune.transpose(k) for k in range(9)], folder / "data")
    assert [len(piece) for piece in data] == [64] * len(data) == [len(p) for p in data[:]]
    page = howlkit.report([tune, data[0]], folder / "report.html", seed=1, quiet=True)
    assert page == folder / "report.html" and page.stat().st_size > 10_000
    assert data[-1] == data[len(data) - 1] == data.part("all")[-1]

    encoder: Encoder = howlkit.encoder("tuple", grid=12)
    model: Model = howlkit.model("lstm", hidden=16)
    augmenter: Augmenter = howlkit.augmenter("velocity")
    renderer: Renderer = howlkit.renderer("bank", gain=-3.0)
    assert sum(len(block) for block in renderer.render(tune, 8000)) > 8000
    trained: Trained = howlkit.train(
        data,
        encoder=encoder,
        model=model,
        augment=augmenter,
        options={"training.batch": 2},
        steps=3,
        out_dir=folder / "run",
        quiet=True,
    )
    again = howlkit.train(resume=folder / "run", steps=5, quiet=True)
    assert again.path == folder / "run"
    trained = howlkit.load(folder / "run", device="cpu")
    schema: Schema = trained.schema
    pitch: Field = schema["pitch"]
    assert pitch.n == 128 and trained.encoder.schema == schema

    sampler: Sampler = howlkit.sampler("autoregressive", temperature=0.9)
    piece: Piece = trained.sample(beats=8, prompt=tune, seed=1, sampler=sampler)
    takes: list[Take] = trained.replace(tune, bars=(5, 5), takes=2, candidates=4)
    takes += trained.accompany(tune.excerpt(beats=(0, 4)), "violin", candidates=2)
    assert takes[0].join <= takes[1].join and len(takes) == 3
    several: list[Piece] = trained.sample(2, notes=9, temperature=0.9, pitch={"top_k": 3})
    edited = piece.excerpt(beats=(0, 4)).remove(piece.excerpt(beats=(0, 4)).notes["pitch"] > 70)
    edited = edited.add((0, 480, 36)).quantise(4).transpose(-2)
    back = Piece.from_note_array(edited.note_array(), like=edited)
    assert np.array_equal(back.notes, edited.notes)
    path: Path = howlkit.write(edited, folder / "edited.mid")
    paths: list[Path] = howlkit.write(several, folder / "several.mid")
    assert len(howlkit.read(path)) == len(edited) and len(paths) == 2

    nats: float = trained.nats(piece)
    by_note = trained.nats(piece, notes=True)
    assert np.isclose(by_note.mean(), nats)
    session: Session = trained.session(limit=Limit(notes=5, ends=False))
    for _ in Bold().generate(session):
        pass
    assert session.notes.tolist() == [5]

    network: Network = model.build(encoder.schema, HeadOptions())
    batch: TensorBatch = next(batches(data.part("train"), encoder, window=16, augment=augmenter))
    costs, _ = network(batch.inputs, batch.targets, batch.lengths, None)
    assert costs.sum().item() > 0 and batch.to("cpu").counted.sum() == batch.lengths.sum()
    whole: TensorBatch = collate(encoder.schema, [encoder.encode(tune)])
    baseline: float = baseline_nats(encoder, unigram(encoder, [tune]), [tune])
    own = Trained.of(network, encoder, model, data)
    assert whole.epoch == 0 and own.nats(tune) > 0 < baseline
    try:
        howlkit.constraint("none")
    except HowlkitError as error:
        assert "there is no constraint 'none'" in str(error)
    else:
        raise AssertionError
    try:
        trained.sample(tempo=-1)
    except HowlkitError as error:
        assert "tempo is -1" in str(error)
    else:
        raise AssertionError


if __name__ == "__main__":
    main(Path(sys.argv[1]))
