"""python hugging_face.py my_midi new.mid 500: train a GPT-2 of Hugging Face on howlkit's steps."""

import sys
from dataclasses import dataclass
from itertools import islice

import torch
from torch import nn
from torch.nn import functional as F
from transformers import GPT2Config, GPT2Model

import howlkit
from howlkit.head_options import HeadOptions
from howlkit.network import Network
from howlkit.training import baseline_nats, batches, unigram

WINDOW = 128  # notes; the model is trained on so many at once, and is asked for no more


class Backbone(nn.Module):
    def __init__(self, width_in, width):
        super().__init__()
        self.width = width
        self.enter = nn.Linear(width_in, width)
        # howlkit embeds the steps, so GPT-2's own table of words has one row, which nothing uses.
        words = {"vocab_size": 1, "bos_token_id": None, "eos_token_id": None}
        self.gpt = GPT2Model(GPT2Config(n_embd=width, n_layer=4, n_head=4, **words))

    def forward(self, x, state, lengths):  # x: (B, T, width in), steps after embedding
        rows, steps = x.shape[:2]
        state = state or {"past": x[:, :0], "read": x.new_zeros(rows, dtype=torch.long)}
        place = state["read"][:, None, None] + torch.arange(steps, device=x.device)[:, None]
        past = F.pad(state["past"], (0, 0, 0, steps)).scatter(1, place.expand_as(x), x)
        hidden = self.gpt(inputs_embeds=self.enter(past)).last_hidden_state  # all is read again
        read = state["read"] + (steps if lengths is None else lengths)
        hidden = hidden.gather(1, place.expand(rows, steps, self.width))
        return hidden, {"past": past, "read": read}


@dataclass(frozen=True)
class Gpt:
    """GPT-2, with random weights."""

    width: int = howlkit.option(128, "width of the hidden vectors", low=4)
    name = "gpt"

    def build(self, schema, heads):
        return Network(schema, heads, Backbone(heads.width_in(schema), self.width))


if __name__ == "__main__":
    music, out, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.manual_seed(0)
    data, encoder, model = howlkit.prepare(music, out="data"), howlkit.encoder("tuple"), Gpt()
    train, network = data.part("train"), model.build(encoder.schema, HeadOptions())
    network.start_at(counts := unigram(encoder, train))  # begin with how often each value occurs
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.001)
    for batch in islice(batches(train, encoder, window=WINDOW, augment="transpose"), steps):
        nats, _ = network(batch.inputs, batch.targets, batch.lengths, None)  # by field, summed
        optimizer.zero_grad()
        (nats.sum() / batch.lengths.sum()).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    trained = howlkit.Trained.of(network, encoder, model, data)
    held_out = [piece.excerpt(0, WINDOW) for piece in data.part("validation")]
    baseline = baseline_nats(encoder, counts, held_out)
    print(f"{trained.nats(held_out):.3f} nats a note, held out; a unigram model: {baseline:.3f}")
    print(howlkit.write(trained.sample(notes=WINDOW, seed=1), out))
