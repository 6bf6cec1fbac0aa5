"""python train.py my_midi model 500: train a model of one's own for 500 steps, and save it."""

import sys
from dataclasses import dataclass
from itertools import islice

import torch
from torch import nn

import howlkit
from howlkit.head_options import HeadOptions
from howlkit.network import Network
from howlkit.training import baseline_nats, batches, unigram


class Backbone(nn.Module):
    def __init__(self, width_in, width):
        super().__init__()
        self.width = width
        self.gru = nn.GRU(width_in, width, batch_first=True)

    def forward(self, x, state, lengths):  # x: (B, T, width in), steps after embedding
        past = x.new_zeros(len(x), self.width) if state is None else state["past"]
        hidden, _ = self.gru(x, past[None])  # (B, T, width)
        every = torch.cat((past[:, None], hidden), 1)  # the state before and after each step
        read = x.shape[1] if lengths is None else lengths
        return hidden, {"past": every[torch.arange(len(x)), read]}


@dataclass(frozen=True)
class OwnModel:
    """A GRU, written by hand."""

    width: int = howlkit.option(128, "width of the hidden vectors", low=1)
    name = "own"

    def build(self, schema, heads):
        return Network(schema, heads, Backbone(heads.width_in(schema), self.width))


if __name__ == "__main__":
    music, out, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.manual_seed(0)
    data, encoder, model = howlkit.prepare(music, out="data"), howlkit.encoder("tuple"), OwnModel()
    train, held_out = data.part("train"), data.part("validation")
    network = model.build(encoder.schema, HeadOptions())  # embedding, backbone, a head a field
    network.start_at(counts := unigram(encoder, train))  # begin with how often each value occurs
    optimizer, state = torch.optim.AdamW(network.parameters(), lr=0.003), None
    for batch in islice(batches(train, encoder, carry=8, augment="transpose"), steps):
        state = None if batch.begins else {name: part.detach() for name, part in state.items()}
        nats, state = network(batch.inputs, batch.targets, batch.lengths, state)  # by field, summed
        optimizer.zero_grad()
        (nats.sum() / batch.lengths.sum()).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    trained = howlkit.Trained.of(network, encoder, model, data)
    baseline = baseline_nats(encoder, counts, held_out)
    print(f"{trained.nats(held_out):.3f} nats a note, held out; a unigram model: {baseline:.3f}")
    print("saved as", trained.save_pretrained(out))
