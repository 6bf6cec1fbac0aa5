"""Plugins with all kinds of faults, installed by pip into one environment at once."""

import json
import re
from textwrap import dedent, indent

import pytest

from howlkit.music import midi
from tests.conftest import tune, write
from tests.environment import wheel
from tests.plugins.plugin_site import AUGMENTER, GOOD, HEAD

VERSION = "0.3"

ENCODER = """
schema = None
def encode(self, piece): pass
def decode(self, steps, *, like=None): pass
def ticks(self, steps, *, like=None): pass
def grammar(self, rows, *, like=None): pass
"""

NAMED = GOOD.replace('"louder"', '"NAME"')


def one_class(kind, methods):
    """Return a plugin of one class, called NAME, with these methods."""
    return f"""{HEAD}
@dataclass(frozen=True)
class Part:
    name: ClassVar[str] = "NAME"
{indent(dedent(methods), "    ")}
@hookimpl
def register_{kind}s(register):
    register(Part)
"""


FAULTS = {
    "import-error": ("raise ImportError('half of it is gone')", "ImportError: half of it is gone"),
    "syntax-error": ("def (", "SyntaxError: "),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "registration": (NAMED.replace("register(Louder)", "1 / 0"), "ZeroDivisionError: division"),
    "misspelt": (
        NAMED.replace("augmenters(", "augmenter("),
        "'register_augmenter', which is no hook. Did you mean 'register_augmenters'?",
    ),
    "signature": (NAMED.replace("(register)", "(registry)"), "'registry'"),
    "registerless": (
        NAMED.replace("(register)", "()").replace("register(Louder)", "print(Louder)"),
        "its register_augmenters does not take `register`, so it cannot register anything: "
        "write def register_augmenters(register)",
    ),
    "empty": (
        NAMED.replace("register(Louder)", "pass"),
        "it registers nothing: call register(CLASS) in register_augmenters",
    ),
    "change-arity": (
        NAMED.replace("(self, piece, rng)", "(self, piece)"),
        "howlkit_change_arity.Louder: __call__(piece) cannot be called as __call__(piece, rng) "
        "(too many positional arguments): write def __call__(self, piece, rng)",
    ),
    "play-arity": (
        one_class("sampler", "def generate(self): yield"),
        "generate() cannot be called as generate(session) (too many positional arguments): "
        "write def generate(self, session)",
    ),
    "begin-arity": (
        one_class("constraint", "def begin(self): return self"),
        "begin() cannot be called as begin(setting) (too many positional arguments): "
        "write def begin(self, setting)",
    ),
    "build-arity": (
        one_class("model", "def build(self, schema): return schema"),
        "build(schema) cannot be called as build(schema, heads) (too many positional arguments): "
        "write def build(self, schema, heads)",
    ),
    "encode-arity": (
        one_class("encoder", ENCODER.replace("encode(self, piece)", "encode(self)")),
        "encode() cannot be called as encode(piece) (too many positional arguments): "
        "write def encode(self, piece)",
    ),
    "like-arity": (
        one_class("encoder", ENCODER.replace("rows, *, like=None", "rows")),
        "grammar(rows) cannot be called as grammar(rows, *, like=None) (got an unexpected keyword "
        "argument 'like'): write def grammar(self, rows, *, like=None)",
    ),
    "fit-arity": (
        one_class("encoder", ENCODER + "def fitted(self): return self"),
        "fitted() cannot be called as fitted(pieces) (too many positional arguments): "
        "write def fitted(self, pieces)",
    ),
    "read-arity": (
        one_class("source", "suffixes = ()\ncollections = {}\ndef read(self): return []"),
        "read() cannot be called as read(path) (too many positional arguments): "
        "write def read(self, path)",
    ),
    "write-arity": (
        one_class("writer", "suffixes = ()\ndef write(self, piece): pass"),
        "write(piece) cannot be called as write(piece, path) (too many positional arguments): "
        "write def write(self, piece, path)",
    ),
    "methodless": (NAMED.replace("__call__", "change"), "lacks __call__ of howlkit.protocols"),
    "second": (GOOD.replace('"louder"', '"first"'), "'first', a name that the augmenter of howlki"),
    "newer": (NAMED, "it needs howlkit>=99, and this is howlkit "),
    "suffixes": (
        HEAD
        + """
@dataclass(frozen=True)
class Reader:
    name: ClassVar[str] = "suffixes"
    suffixes: ClassVar[str] = ".abc"
    collections: ClassVar[dict] = {}
    def read(self, path):
        return []
@hookimpl
def register_sources(register):
    register(Reader)
""",
        "Reader has suffixes '.abc'; a tuple such as ('.abc',) is needed",
    ),
    "dependency": (
        "import nowhere_at_all",
        "No module named 'nowhere_at_all'; it requires nowhere-at-all>=2: pip install 'nowhere-at-",
    ),
}
"""By the end of the distribution's name: the source, and a part of the line about it."""

REQUIRES = {"newer": ["howlkit>=99"], "dependency": ["nowhere-at-all>=2", "numpy"]}

FAULTY = (
    HEAD
    + AUGMENTER.replace('"louder"', '"exiting"').replace("return piece", "raise SystemExit(7)")
    + """
from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.errors import HowlkitError

@dataclass(frozen=True)
class Encoder(Tuple):
    '''Raises.'''
    name: ClassVar[str] = "raising"
    def encode(self, piece):
        return {}["steps"]

@dataclass(frozen=True)
class Sampler:
    '''Raises, after a few notes.'''
    name: ClassVar[str] = "tired"
    def generate(self, session):
        yield session.step()
        raise RuntimeError("enough")

@dataclass(frozen=True)
class Unhappy(Sampler):
    '''Raises what people are meant to read.'''
    name: ClassVar[str] = "unhappy"
    def generate(self, session):
        raise HowlkitError("it does not like the music")

@hookimpl
def register_encoders(register):
    register(Encoder)

@hookimpl
def register_augmenters(register):
    register(Louder)

@hookimpl
def register_samplers(register):
    register(Sampler)
    register(Unhappy)
"""
)

GARBAGE = (
    HEAD
    + """
import os
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.builtin.encoders.tuple.encoder import Tuple

def wrong(what):
    return os.environ.get("GARBAGE") == what

class Odd:
    '''Passes everything on to a sound grammar, but for what is wrong.'''
    def __init__(self, sound):
        self.sound = sound
        if wrong("push arity"):
            self.push = lambda step: sound.push(step, [True])
    def __getattr__(self, name):
        if name in ("__deepcopy__", "sound"):
            raise AttributeError(name)
        return getattr(self.sound, name)
    def select(self, rows):
        return None if wrong("select") else Odd(self.sound.select(rows))
    @property
    def now(self):
        return [0.0] if wrong("now") else self.sound.now
    def allowed(self, field, given):
        found = self.sound.allowed(field, given)
        return found[:, :-1] if wrong("allowed") else found.astype(int) if wrong("ints") else found
    def push(self, step, rows):
        begun = self.sound.push(step, rows)
        return None if wrong("push") else begun
    def step_mask(self):
        return {} if wrong("step_mask") else self.sound.step_mask()

@dataclass(frozen=True)
class Shaky(Tuple):
    '''As tuple, but for what is wrong.'''
    name: ClassVar[str] = "shaky"
    @property
    def schema(self):
        return None if wrong("schema") else super().schema
    def encode(self, piece):
        steps = super().encode(piece)
        if wrong("range"):
            steps["mark"] = 200
        bad = {"list": steps.tolist(), "none": None, "dtype": steps["mark"], "empty": steps[:0]}
        return bad.get(os.environ.get("GARBAGE"), steps)
    def decode(self, steps, *, like=None):
        return [] if wrong("decode") else super().decode(steps, like=like)
    def grammar(self, rows, *, like=None):
        return 7 if wrong("grammar") else Odd(super().grammar(rows, like=like))

@dataclass(frozen=True)
class Net(Lstm):
    '''As lstm, but for what is wrong.'''
    name: ClassVar[str] = "net"
    def build(self, schema, heads):
        if wrong("no network"):
            return "a network"
        network = Lstm(hidden=self.hidden, layers=self.layers).build(schema, heads)
        if wrong("double weights"):
            network.backbone.double()
        sound = network.backbone.forward
        def forward(x, state, lengths):
            hidden, state = sound(x, state, lengths)
            if wrong("alone"):
                return hidden
            if wrong("width"):
                return hidden[..., :-1], state
            if wrong("nan"):
                return hidden * float("nan"), state
            if wrong("double"):
                return hidden.double(), state
            if wrong("state"):
                return hidden, list(state.values())
            return hidden, state
        network.backbone.forward = forward
        return network

@dataclass(frozen=True)
class Play:
    '''Plays, but for what is wrong.'''
    name: ClassVar[str] = "play"
    def generate(self, session):
        steps = self._steps(session)
        return None if wrong("returns none") else list(steps) if wrong("a list") else steps
    def _steps(self, session):
        while not wrong("nothing") and not session.done.all():
            step = session.step()
            yield "step" if wrong("words") else step

@dataclass(frozen=True)
class Change:
    '''Changes nothing, but for what is wrong.'''
    name: ClassVar[str] = "change"
    def __call__(self, piece, rng):
        if wrong("fewer"):
            return piece.excerpt(0, len(piece) - 1)
        return None if wrong("no piece") else piece

@dataclass(frozen=True)
class Read:
    '''Reads words.'''
    name: ClassVar[str] = "read"
    suffixes: ClassVar[tuple] = (".words",)
    @property
    def collections(self):
        return ["all"] if wrong("collections") else {}
    def read(self, path):
        return None if wrong("unread") else iter(path.read_text().split())

@hookimpl
def register_encoders(register):
    register(Shaky)
@hookimpl
def register_models(register):
    register(Net)
@hookimpl
def register_samplers(register):
    register(Play)
@hookimpl
def register_augmenters(register):
    register(Change)
@hookimpl
def register_sources(register):
    register(Read)
"""
)


@pytest.fixture(scope="module")
def installed(environment, tmp_path_factory):
    """Return the environment with a plugin for each fault; they are gone after this module."""
    folder = tmp_path_factory.mktemp("wheels")
    sources = {end: source.replace("NAME", end) for end, (source, _) in FAULTS.items()}
    sources["first"] = GOOD.replace('"louder"', '"first"')
    sources["prints"] = "print('bonjour')\nprint('rebonjour')" + NAMED.replace("NAME", "prints")
    sources["faulty"] = FAULTY
    sources["garbage"] = GARBAGE
    wheels = [
        wheel(folder, f"howlkit-{end}", text, version=VERSION, requires=REQUIRES.get(end, ()))
        for end, text in sources.items()
    ]
    environment.install(*wheels)
    yield environment
    names = [f"howlkit-{end}" for end in sources]
    gone = environment.howlkit("plugins", "uninstall", "--yes", *names)
    assert gone.returncode == 0 and "No plugins are installed now" in gone.stderr


@pytest.fixture(scope="module")
def listed(installed):
    return installed.howlkit("plugins", "list", "--json")


def test_each_broken_plugin_costs_one_line_and_list_shows_the_others(listed):
    assert listed.returncode == 0
    lines = listed.stderr.splitlines()
    assert len(lines) == len(FAULTS) + 1
    assert all(re.match(r"howlkit: plugin '[a-z-]+' of howlkit-[a-z-]+ 0\.3 ", li) for li in lines)
    rows = {row["name"]: row for row in json.loads(listed.stdout)}
    assert {name for name, row in rows.items() if row["status"] == "failed"} == set(FAULTS)
    working = {"first", "prints", "raising", "exiting", "tired", "unhappy", "tuple", "lstm"}
    assert working <= set(rows)


@pytest.mark.parametrize("end", FAULTS)
def test_the_line_names_distribution_version_and_cause(listed, end):
    (line,) = (li for li in listed.stderr.splitlines() if f"plugin '{end}' " in li)
    assert f"of howlkit-{end} {VERSION} is left out: " in line and FAULTS[end][1] in line


def test_of_two_with_one_name_the_first_is_there_and_the_line_names_both(listed):
    (line,) = (li for li in listed.stderr.splitlines() if "plugin 'second' " in li)
    assert "howlkit-second 0.3" in line and "the augmenter of howlkit-first 0.3" in line


def test_a_plugin_that_prints_when_it_is_loaded_works_with_a_complaint(listed):
    (line,) = (li for li in listed.stderr.splitlines() if "howlkit-prints" in li)
    assert line.endswith(
        "howlkit-prints 0.3 prints when it is loaded, and stdout is for data: 'bonjour'"
    )
    assert "rebonjour" not in listed.stdout


def test_commands_that_need_no_plugin_print_nothing_about_them(installed, tmp_path):
    midi.write(tune(1), tmp_path / "one.mid")
    for arguments in (["--help"], ["--version"], ["info", "one.mid"], ["train", "--help"]):
        finished = installed.howlkit(*arguments, cwd=tmp_path)
        assert finished.returncode == 0 and "left out" not in finished.stderr, arguments


@pytest.mark.parametrize("end", FAULTS)
def test_asking_for_a_component_of_a_broken_plugin_says_what_to_do(installed, end):
    load = {"HOWLKIT_LOAD_PLUGINS": f"howlkit-{end},howlkit-first"}
    finished = installed.howlkit("train", "--augment", end, **load)
    assert finished.returncode == 1
    said = finished.stderr.splitlines()[-1]
    assert f"there is no augmenter '{end}'" in said and FAULTS[end][1] in said
    assert f"If '{end}' is of howlkit-{end}: upgrade it (howlkit plugins install --upgrade" in said
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("end", [*FAULTS, "prints"])
def test_strict_makes_an_error_of_it(installed, end):
    load = {"HOWLKIT_LOAD_PLUGINS": f"howlkit-{end},howlkit-first"}
    finished = installed.howlkit("--strict-plugins", "plugins", "list", **load)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert f"--strict-plugins: plugin '{end}' of howlkit-{end} 0.3 " in finished.stderr


def test_strict_from_the_environment_and_with_nothing_wrong(installed):
    load = {"HOWLKIT_LOAD_PLUGINS": "first", "HOWLKIT_STRICT_PLUGINS": "1"}
    assert installed.howlkit("plugins", "list", **load).returncode == 0
    load["HOWLKIT_LOAD_PLUGINS"] = "first,exits"
    assert installed.howlkit("plugins", "list", **load).returncode == 1


def test_a_variable_shows_the_traceback_of_a_failure(installed):
    load = {"HOWLKIT_LOAD_PLUGINS": "registration", "HOWLKIT_TRACEBACK": "1"}
    finished = installed.howlkit("plugins", "list", **load)
    assert finished.returncode == 0
    assert "howlkit_registration.py" in finished.stderr and "1 / 0" in finished.stderr


def test_a_trace_has_every_import_and_every_hook_call(installed):
    load = {"HOWLKIT_LOAD_PLUGINS": "first,registration", "HOWLKIT_TRACE_PLUGINS": "1"}
    finished = installed.howlkit("plugins", "list", "--json", **load)
    assert json.loads(finished.stdout)
    trace = [li for li in finished.stderr.splitlines() if li.startswith("howlkit: trace: ")]
    told = [re.sub(r" \([\d.]+ ms\)", "", li.removeprefix("howlkit: trace: ")) for li in trace]
    assert "howlkit-first 0.3: import howlkit_first" in told
    assert "howlkit-first 0.3: register_augmenters(register) registered Louder" in told
    assert "howlkit-registration 0.3: register_augmenters(register) registered nothing" in told
    assert any("register_models(register) registered Lstm, Gru" in line for line in told)


# When it is called --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(installed, tmp_path_factory):
    """Return a folder with music and a run, trained with all these plugins installed."""
    folder = tmp_path_factory.mktemp("trained")
    for seed in range(4):
        write(tune(seed, 4), folder / f"music/{seed}.mid")
    small = ["-o", "lstm.hidden=8", "-o", "training.batch=2", "--steps", "1", "--out-dir", "run"]
    finished = installed.howlkit("train", "music", *small, cwd=folder)
    assert finished.returncode == 0, finished.stderr
    return folder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "music", "--encoder", "raising"), "KeyError: 'steps'"),
        (("train", "music", "--augment", "exiting"), "SystemExit: 7"),
        (("sample", "run", "--sampler", "tired", "--notes", "20"), "RuntimeError: enough"),
    ],
)
def test_an_exception_in_a_call_is_one_line(installed, trained, arguments, said):
    finished = installed.howlkit(*arguments, cwd=trained, HOWLKIT_LOAD_PLUGINS="faulty")
    assert finished.returncode == 1
    assert "Traceback" not in finished.stderr
    pattern = (
        rf"howlkit: howlkit-faulty 0\.3 failed: {said} \(\S+howlkit_faulty\.py:\d+\)\. It is for"
    )
    assert re.match(pattern, finished.stderr.splitlines()[-1])


def test_a_variable_shows_the_traceback_of_a_call_and_the_line(installed, trained):
    arguments = ("sample", "run", "--sampler", "tired", "--notes", "20")
    environment = {"HOWLKIT_LOAD_PLUGINS": "faulty", "HOWLKIT_TRACEBACK": "1"}
    finished = installed.howlkit(*arguments, cwd=trained, **environment)
    assert finished.returncode == 1
    assert "Traceback (most recent call last)" in finished.stderr
    assert "howlkit-faulty 0.3 failed" in finished.stderr.splitlines()[-1]


def test_a_howlkit_error_of_a_plugin_names_the_plugin(installed, trained):
    arguments = ("sample", "run", "--sampler", "unhappy", "--notes", "20")
    finished = installed.howlkit(*arguments, cwd=trained, HOWLKIT_LOAD_PLUGINS="faulty")
    last = finished.stderr.splitlines()[-1]
    assert finished.returncode == 1
    assert re.match(
        r"howlkit: it does not like the music \(in howlkit-faulty 0\.3, \S+:\d+\)", last
    )


# When it returns garbage --------------------------------------------------------------------------

TRAIN = ("train", "music", "--steps", "1", "--encoder", "shaky", "--model", "net")
SAMPLE = (
    "sample",
    "shaky-run",
    "--notes",
    "20",
    "--sampler",
    "play",
    "--out",
    "new.mid",
    "--force",
)
SMALL = ("-o", "net.hidden=8", "-o", "training.batch=2")


@pytest.fixture(scope="module")
def shaky(installed, trained):
    """Return the folder with a run of components that return garbage only if GARBAGE says so."""
    arguments = (*TRAIN, *SMALL, "--augment", "change", "--out-dir", "shaky-run")
    finished = installed.howlkit(*arguments, cwd=trained, HOWLKIT_LOAD_PLUGINS="garbage")
    assert finished.returncode == 0, finished.stderr
    finished = installed.howlkit(*SAMPLE, cwd=trained, HOWLKIT_LOAD_PLUGINS="garbage")
    assert finished.returncode == 0, finished.stderr
    (trained / "text.words").write_text("do re mi")
    return trained


PREPARE = ("prepare", "text.words", "--out", "data")


CASES = [
    ("list", TRAIN, "encoder 'shaky' of W: encode returned a list; a structured array of dty"),
    ("none", TRAIN, "encoder 'shaky' of W: encode returned None; a structured array of dtype"),
    ("dtype", TRAIN, "encoder 'shaky' of W: encode returned an array of shape .* dtype uint8"),
    ("empty", TRAIN, "encoder 'shaky' of W: encode returned .*; at least a start row is need"),
    ("range", TRAIN, r"encoder 'shaky' of W: encode returned mark=200; 0\.\.2 are allowed"),
    ("schema", TRAIN, "encoder 'shaky' of W: schema is None; a howlkit.schema.Schema is need"),
    ("decode", SAMPLE, "encoder 'shaky' of W: decode returned a list; a Piece is needed"),
    ("grammar", SAMPLE, "encoder 'shaky' of W: grammar returned the int 7; a howlkit.protoc"),
    ("now", SAMPLE, "encoder 'shaky' of W: now of its grammar is a list; numbers of shape"),
    ("allowed", SAMPLE, r"encoder 'shaky' of W: allowed\('mark'\) of its .* shape \(1, 2\)"),
    ("ints", SAMPLE, r"encoder 'shaky' of W: .*; bools of shape \(1, 3\) are needed"),
    ("select", SAMPLE, "encoder 'shaky' of W: select of its grammar returned None; another"),
    (
        "step_mask",
        SAMPLE,
        "encoder 'shaky' of W: step_mask of its grammar returned a dict; a StepMask",
    ),
    ("push", SAMPLE, "encoder 'shaky' of W: push of its grammar returned None; integers of"),
    ("no network", TRAIN, "model 'net' of W: build returned the str 'a network'; a torch mo"),
    ("alone", TRAIN, "model 'net' of W: the backbone returned a tensor .*; a pair, hidden"),
    ("width", TRAIN, r"model 'net' of W: the backbone .*; hidden of shape \(2, 3, 8\), as"),
    ("double", TRAIN, "model 'net' of W: the backbone .* dtype torch.float64; hidden of dtype tor"),
    ("double weights", TRAIN, "model 'net' of W: the parameter backbone.*64; dtype torch.float32"),
    ("push arity", SAMPLE, r"encoder 'shaky' of W: its grammar's push\(step\) cannot be called as"),
    ("nan", TRAIN, "model 'net' of W: the backbone returned NaN or infinity; finite"),
    ("nan", SAMPLE, "model 'net' of W: the backbone returned NaN or infinity; finite"),
    ("state", TRAIN, "model 'net' of W: the backbone, as the state, returned a list; a dict"),
    ("nothing", SAMPLE, "sampler 'play' of W: generate yielded nothing; steps are needed"),
    ("returns none", SAMPLE, "sampler 'play' of W: generate returned None; an iterator of s"),
    ("a list", SAMPLE, "sampler 'play' of W: generate returned a list; an iterator of steps"),
    ("words", SAMPLE, "sampler 'play' of W: generate yielded the str 'step'; a step"),
    ("no piece", (*TRAIN, "--augment", "change"), "augmenter 'change' of W: it returned None;"),
    ("fewer", (*TRAIN, "--augment", "change"), "augmenter 'change' of W: .* as many is needed"),
    ("strings", PREPARE, "source 'read' of W: read yielded the str 'do'; a Piece is needed"),
    ("unread", PREPARE, "source 'read' of W: read returned None; an iterator of Pieces"),
    ("collections", PREPARE, "source 'read' of W: collections is a list; a dict"),
]

ONE_PROCESS = """
import contextlib, io, json, os, sys, traceback
from howlkit.cli import main
found = []
for garbage, arguments in json.loads(sys.argv[1]):
    os.environ["GARBAGE"] = garbage
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            main(arguments)
        except SystemExit as stop:
            code = stop.code
        except Exception:
            code = traceback.format_exc()
    found.append((code, said.getvalue()))
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def told(installed, shaky):
    """Return exit code and stderr of a command for each kind of garbage, all in one process."""
    commands = []
    for number, (garbage, arguments, _) in enumerate(CASES):
        out = (*SMALL, "--out-dir", f"run-{number}") if arguments[0] == "train" else ()
        commands.append((garbage, (*arguments, *out)))
    finished = installed.run(
        "-c", ONE_PROCESS, json.dumps(commands), cwd=shaky, HOWLKIT_LOAD_PLUGINS="garbage"
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{g} {a[0]}" for g, a, _ in CASES])
def test_garbage_is_one_line_that_names_the_component_and_what_is_needed(told, number):
    code, err = told[number]
    assert code == 1, err
    lines = [li for li in err.splitlines() if "howlkit-garbage" in li]
    assert len(lines) == 1 and lines[0].startswith("howlkit: "), err
    assert re.search(CASES[number][2].replace("W", r"howlkit-garbage 0\.3"), lines[0]), lines[0]
    assert "It is for its author to mend: howlkit plugins check " in lines[0]


def test_a_variable_shows_the_traceback_of_garbage(installed, shaky, tmp_path):
    environment = {"HOWLKIT_LOAD_PLUGINS": "garbage", "GARBAGE": "list", "HOWLKIT_TRACEBACK": "1"}
    finished = installed.howlkit(*TRAIN, "--out-dir", tmp_path / "run", cwd=shaky, **environment)
    assert finished.returncode == 1
    assert "Traceback (most recent call last)" in finished.stderr
    assert "encode returned a list" in finished.stderr.splitlines()[-1]
