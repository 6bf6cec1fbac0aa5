"""The speed of sampling with a cache: howlkit-transformer against other libraries.

    python benchmarks/transformer_stepping.py [--threads 1] [--tokens 50] [--context 256]

Models with 5 to 6 million parameters, the same width and depth, random weights and one field of 512
tokens read `--context` tokens and then make more, one after another. `step`: the likeliest token
each time, by each library's forward pass with its cache, in a loop of our own. `whole`: drawn
tokens, as users make them: howlkit's `Session`, with grammar and a generator for each row, against
`generate`. The limit is one pass over the weights of the blocks, matrix by vector. Peers that are
not installed are left out (`pip install transformers x-transformers`); without numba, so is the
compiled step.
"""

import sys
import warnings
from importlib.util import find_spec
from statistics import median

import numpy as np
import torch
from howlkit_transformer import Transformer
from measuring import alternated, arguments, machine, rates, row, write

from howlkit import plugins
from howlkit.head_options import HeadOptions
from howlkit.protocols import StepMask
from howlkit.sampling.limits import Limit
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.schema import MARK, Field, Schema

VOCABULARY, WIDTH, LAYERS, HEADS, HIDDEN = 512, 256, 8, 4, 704  # as size=small
SCHEMA = Schema((Field("token", VOCABULARY),))
LIKELIEST = SamplingParams(temperature=0)
PEERS = ("howlkit-transformer", "numba", "transformers", "x-transformers")


class Ours:
    """howlkit-transformer, run as a session runs it: by torch (plain) or by compiled code."""

    def __init__(self, name, context, *, stepping):
        self.name = name
        model = Transformer(size="small", window=context)
        self.network = model.build(SCHEMA, HeadOptions()).eval()
        self.runner = make_runner(self.network, SCHEMA, model, stepping=stepping)
        choices = sum(field.choices for field in SCHEMA.decisions)
        least = np.zeros((1, len(SCHEMA.decisions)), np.int64)
        self.mask = StepMask(np.ones((1, choices), bool), least)
        self.mask.allowed[:, 1 : MARK.n] = False  # the piece goes on

    def parameters(self):
        """Return the number of parameters."""
        return sum(p.numel() for p in self.network.parameters())

    def read(self, tokens):
        """Return the state after tokens (1, T), and the likeliest to follow (1, 1)."""
        return self.step(self.runner.start(SCHEMA.steps(1)[:, None]), tokens)

    def step(self, at, tokens):
        """Return the state after more tokens (1, T), and the likeliest to follow (1, 1)."""
        steps = SCHEMA.steps(tokens.shape[1])[None]
        steps["token"] = tokens
        at = self.runner.read(steps, *at, np.array([tokens.shape[1]]))
        return at, self._likeliest(at[1])

    def _likeliest(self, hidden):
        step, row, uniforms = SCHEMA.steps(1), np.ones(1, bool), np.zeros(self.mask.least.shape)
        if not self.runner.sample_step(hidden, step, row, lambda: self.mask, uniforms, LIKELIEST):
            field = SCHEMA["token"]
            allowed = np.ones((1, field.choices), bool)
            self.runner.begin(hidden)
            values, _ = self.runner.sample_field(
                field, step, row, allowed, uniforms[:, 0], LIKELIEST, ()
            )
            return values[:, None]
        return step["token"][:, None]


class FromTransformers:
    """A causal model of the library transformers, with its own cache."""

    def __init__(self, name, model):
        self.name, self.model = name, model.eval()

    def parameters(self):
        """Return the number of parameters."""
        return sum(p.numel() for p in self.model.parameters())

    def read(self, tokens):
        """Return the state after tokens (1, T), and the likeliest to follow."""
        return self.step(None, tokens)

    def step(self, cache, token):
        """Return the state after one token (1, 1) more, and the likeliest to follow."""
        made = self.model(input_ids=token, past_key_values=cache, use_cache=True)
        return made.past_key_values, made.logits[:, -1].argmax(-1, keepdim=True)


class FromXTransformers:
    """A decoder of x-transformers, with rotary positions, SwiGLU and shared keys and values."""

    name = "x-transformers"

    def __init__(self, longest):
        from x_transformers import Decoder, TransformerWrapper

        layers = Decoder(
            dim=WIDTH,
            depth=LAYERS,
            heads=HEADS,
            attn_kv_heads=1,
            attn_flash=True,
            rotary_pos_emb=True,
            use_rmsnorm=True,
            ff_swish=True,
            ff_glu=True,
            ff_no_bias=True,
            ff_mult=HIDDEN / WIDTH,
        )
        self.model = TransformerWrapper(
            num_tokens=VOCABULARY, max_seq_len=longest, use_abs_pos_emb=False, attn_layers=layers
        ).eval()

    def parameters(self):
        """Return the number of parameters."""
        return sum(p.numel() for p in self.model.parameters())

    def read(self, tokens):
        """Return the state after tokens (1, T), and the likeliest to follow."""
        logits, cache = self.model(tokens, return_intermediates=True)
        return (cache, tokens), logits[:, -1].argmax(-1, keepdim=True)

    def step(self, state, token):
        """Return the state after one token (1, 1) more, and the likeliest to follow."""
        cache, tokens = state
        tokens = torch.cat((tokens, token), 1)  # it takes the whole, and reads what is new
        logits, cache = self.model(tokens, cache=cache, return_intermediates=True)
        return (cache, tokens), logits[:, -1].argmax(-1, keepdim=True)


def peers(longest):
    """Return the peers that are installed."""
    warnings.simplefilter("ignore")  # of a name of theirs that is to change
    found = []
    try:
        from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
    except ImportError:
        print("transformers is not installed", file=sys.stderr)
    else:
        shape = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 0}
        gpt2 = GPT2Config(
            n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, n_inner=960, n_positions=longest, **shape
        )
        llama = LlamaConfig(
            hidden_size=WIDTH,
            intermediate_size=HIDDEN,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=1,
            max_position_embeddings=longest,
            **shape,
        )
        found += [
            FromTransformers("GPT-2 of transformers", GPT2LMHeadModel(gpt2)),
            FromTransformers("Llama of transformers", LlamaForCausalLM(llama)),
        ]
    try:
        found.append(FromXTransformers(longest))
    except ImportError:
        print("x-transformers is not installed", file=sys.stderr)
    return found


def going(model, context, tokens):
    """Return a call that makes `tokens` more tokens, going on where the last call ended."""
    at = model.read(torch.randint(VOCABULARY, (1, context)))

    def make():
        nonlocal at
        for _ in range(tokens):
            at = model.step(*at)

    return make


def session(context, tokens):
    """Return a call that makes `tokens` events by howlkit's `Session`, with all that it does."""
    encoder = plugins.create("encoder", "event", {"programs": False})
    model = Transformer(size="small", window=context)
    network = model.build(encoder.schema, HeadOptions())
    runner = make_runner(network, encoder.schema, model)
    session = Session(runner, encoder, limit=Limit(ends=False))

    def make():
        for _ in range(tokens):
            session.step()

    for _ in range(context // tokens):
        make()
    return make


def generating(model, context, tokens):
    """Return a call of the library's own `generate`, as its users make tokens."""
    prompt = torch.randint(VOCABULARY, (1, context))
    options = {"do_sample": True, "max_new_tokens": tokens, "min_new_tokens": tokens}

    def make():
        model.model.generate(prompt, attention_mask=torch.ones_like(prompt), **options)

    return make


def one_pass(model, tokens):
    """Return a call that multiplies each matrix of the model by a vector, `tokens` times."""
    weights = [weight for weight in model.network.backbone.parameters() if weight.ndim == 2]
    vectors = [torch.randn(weight.shape[1]) for weight in weights]

    def make():
        for _ in range(tokens):
            for weight, vector in zip(weights, vectors, strict=True):
                torch.mv(weight, vector)

    return make


def stepping(options):
    """Return the rows of a step alone."""
    tokens, context = options.tokens, options.context
    ours = [Ours("howlkit-transformer, torch alone", context, stepping="plain")]
    if find_spec("numba"):
        ours.insert(0, Ours("howlkit-transformer", context, stepping="compiled"))
    others = peers(context + tokens * (options.repeats + 2))
    models = [*ours, *others]
    calls = [going(model, context, tokens) for model in models]
    calls.append(one_pass(ours[0], tokens))
    *made, limit = [rates(tokens, s) for s in alternated(options.repeats, *calls)]
    fastest = max(range(len(ours), len(models)), key=lambda i: median(made[i]), default=None)
    rows = []
    for model, samples in zip(models, made, strict=True):
        of = {"limit": limit, "limit_name": "one pass over the weights"}
        if model in ours and fastest is not None:
            of |= {"peer": made[fastest], "peer_name": models[fastest].name}
        data = f"{model.parameters() / 1e6:.2f} M parameters"
        rows.append(row(f"step: {model.name}", samples, "tokens/s", data=data, **of))
    return rows


def whole(options):
    """Return the rows of generating as users do."""
    tokens, context = options.tokens, options.context
    others = [model for model in peers(context + tokens) if isinstance(model, FromTransformers)]
    calls = [session(context, tokens)]
    calls += [generating(model, context, tokens) for model in others]
    ours, *theirs = [rates(tokens, s) for s in alternated(options.repeats, *calls)]
    rows = []
    for model, samples in zip(others, theirs, strict=True):
        of = {"peer": samples, "peer_name": f"{model.name}, generate"}
        rows.append(row("whole: howlkit's Session", ours, "tokens/s", **of))
    return rows or [row("whole: howlkit's Session", ours, "tokens/s")]


def main():
    parser = arguments(__doc__, "transformer_stepping")
    parser.add_argument("--tokens", type=int, default=50, help="of each timing")
    parser.add_argument("--context", type=int, default=256, help="the window, and of the prompt")
    options = parser.parse_args()
    before = machine()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    with torch.inference_mode():
        rows = stepping(options) + whole(options)
    write(options.json, "transformer_stepping", rows, peers=PEERS, machine_before=before)


if __name__ == "__main__":
    main()
