# make demo   a first piece, from nothing: its own environment, training, sampling, a picture, a page
# make test   everything that must hold before a change lands: lint, types, docs, tests
# make docs   the documentation as a site, in build/docs; open build/docs/index.html
# The slower checks have targets of their own; docs/measurements.md says when they last ran.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DEMO   := demo

.PHONY: demo test lint docs kernels replacing explore differential fuzz kills quality chorales matrix models packages bench scaling steering tokenizers clean soak replays pages learning copies lowest

# The versions last tested are installed, torch's among them; pyproject.toml has the ranges.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[png]'
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed $(wildcard plugins/*/pyproject.toml)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]' \
	    $(foreach plugin,$(wildcard plugins/*/pyproject.toml),-e ./$(dir $(plugin)))
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	    -e '.[benchmarks]'
	touch $@

demo: $(VENV)/.installed
	rm -rf $(DEMO)
	$(BIN)/howlkit train --encoder tuple --model lstm --augment transpose --minutes 2.5 \
	    --out-dir $(DEMO)/run
	$(BIN)/howlkit sample $(DEMO)/run --seconds 45 --seed 1 --out $(DEMO)/chorale.mid
	$(BIN)/howlkit plot $(DEMO)/chorale.mid --out $(DEMO)/chorale.png --title "A first chorale"
	$(BIN)/howlkit play $(DEMO)/chorale.mid --out $(DEMO)/chorale.html
	@echo "Your piece: $(DEMO)/chorale.mid   its picture: $(DEMO)/chorale.png   hear it: $(DEMO)/chorale.html"

# What needs one core goes side by side; the code of steps is compiled once, not by each process.
test: $(VENV)/.installed-docs
	$(MAKE) --no-print-directory --jobs 2 --output-sync lint docs kernels
	@$(BIN)/python -m tests.pages.browser
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

kernels: $(VENV)/.installed-test
	$(BIN)/python scripts/compile_kernels.py

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/check_forms.py

# Every warning is an error, and so is a link inside the site that leads nowhere; some 15 seconds.
docs: $(VENV)/.installed-docs
	rm -rf build/docs
	$(BIN)/python -m sphinx -c docs -b html -d build/doctrees -E -W --keep-going -n -q . build/docs
	$(BIN)/python scripts/check_site.py build/docs

# The tests that draw their own examples, with examples that `make test` has not seen; half a minute.
explore: $(VENV)/.installed-test
	$(BIN)/python -m pytest --numprocesses auto -m hypothesis --hypothesis-profile other

# The tests with the lowest versions that pyproject.toml allows, in an environment of their own, in
# build/lowest; twenty minutes. LOWEST=--torch takes torch's lowest too, which is large.
lowest:
	$(PYTHON) -m venv --clear build/lowest
	$(PYTHON) scripts/lowest_versions.py $(LOWEST) > build/lowest/constraints.txt
	build/lowest/bin/python -m pip install --quiet --disable-pip-version-check -c build/lowest/constraints.txt \
	    -e '.[fast,png,told,sound,soundfont]' hypothesis mido pytest pytest-xdist 'setuptools>=77' \
	    $(foreach plugin,$(wildcard plugins/*/pyproject.toml),-e ./$(dir $(plugin)))
	build/lowest/bin/python -m pytest --numprocesses auto --dist worksteal --ignore tests/pages \
	    --deselect tests/api/test_face.py::test_that_script_is_typed  # mypy reads the types of newer versions

# Every MIDI file of HOWLKIT_DATA as howlkit reads it, as a plain event reader does, and as mido does;
# exits 1 if a difference is unexplained. Five minutes.
differential: $(VENV)/.installed-test
	$(BIN)/python benchmarks/differential.py

# 100,000 broken MIDI files; half an hour. HOWLKIT_DATA adds real files to break. Then 10,000 each of
# weights, configs and datasets; ten minutes.
fuzz: $(VENV)/.installed-test
	$(BIN)/python benchmarks/fuzz_midi.py
	$(BIN)/python benchmarks/fuzz_runs.py

# Planted copies, real pieces that are flagged, and the time of howlkit audit, on HOWLKIT_DATA; some
# five minutes. The dataset is kept in runs/bench.
copies: $(VENV)/.installed-test
	$(BIN)/python benchmarks/copies.py

# 200 times killed while saving; 50 times two trainings at once in one folder; 20 times one of two
# processes of a training killed or stopped; some 20 minutes.
kills: $(VENV)/.installed-test
	HOWLKIT_KILLS=200 $(BIN)/python -m pytest tests/training/test_stopping.py -k killed_while_saving
	HOWLKIT_STARTS=50 $(BIN)/python -m pytest tests/training/test_run_lock.py -k two_trainings
	HOWLKIT_RANK_KILLS=20 $(BIN)/python -m pytest -rP tests/training/test_world_at_length.py -k killed

# Runs on one, two and four processes held against each other over 40 steps, killed, moved and
# interrupted; a simulated night, twice (eight minutes); then 1,000 random sequences of edits, music,
# undo, kills and reloads in the studio; some forty minutes. docs/reliability.md has what came.
soak: $(VENV)/.installed-test
	HOWLKIT_SOAK=1 $(BIN)/python -m pytest -rP tests/training/test_world_at_length.py
	HOWLKIT_SOAK=1 $(BIN)/python -m pytest -rP tests/training/test_long_run.py
	HOWLKIT_STUDIO_CASES=1000 $(BIN)/python -m pytest plugins/howlkit-studio/tests/test_sequences.py

# Encoders and models at equal time, with chained and independent heads, on folders of HOWLKIT_DATA:
# the tables of docs/measurements.md; about three hours. Stopped, it goes on where it was. Runs of one
# folder are trained once, though several lines compare them.
MINUTES ?= 3
SECONDS_TOO := -o tuple.clock=seconds -o pianoroll.clock=seconds -o voices.assign=pitch
ENCODERS    := tuple,remi,event,pianoroll,voices,howl
comma       := ,
quality: chorales $(VENV)/.installed-test
	set -e; music=$${HOWLKIT_DATA:?must name a folder with pop909, nottingham and others}; \
	for chained in true false; do \
	    compare() { \
	        folder=$$1; shift; \
	        $(BIN)/howlkit compare "$$music/$$folder" --minutes $(MINUTES) "$$@" \
	            -o heads.chained=$$chained --out-dir runs/quality/$$folder-$(MINUTES)-$$chained; \
	    }; \
	    for folder in pop909 nottingham freedoom; do \
	        compare $$folder --encoders tuple --models lstm,gru; \
	    done; \
	    compare asap_performances --encoders tuple --models lstm,gru -o tuple.clock=seconds; \
	    compare pop909 --encoders $(ENCODERS) --models lstm; \
	    compare asap_performances --encoders $(ENCODERS) --models lstm $(SECONDS_TOO); \
	done
	$(BIN)/python benchmarks/howl.py

# Bach's chorales as published tables have them, from JSB, a folder with Jsb16thSeparated.json and
# jsb-chorales-quarter.json; an hour and a half. PART=test scores a test part, where it is there.
JSB  ?= $(HOWLKIT_DATA)/jsb_czhuang
PART ?= validation
chorales: $(VENV)/.installed-test
	$(BIN)/python benchmarks/chorales.py $(JSB) --part $(PART)

# Every encoder with every model, with chained and independent heads, on some files of two folders of
# HOWLKIT_DATA: trained for a moment, sampled, written, evaluated.
matrix: $(VENV)/.installed-test
	$(BIN)/python benchmarks/matrix.py

# Wheels of howlkit and of the packages in plugins/, installed together in a fresh environment, train
# and sample with each other's parts; some five minutes.
packages:
	$(PYTHON) scripts/try_packages.py

# 200 files, sampled in many ways and replayed byte for byte, with numba and without; five minutes.
replays: $(VENV)/.installed-test
	$(BIN)/python scripts/replay_many.py
	$(BIN)/python scripts/replay_many.py --without-numba

# The pages in a browser: needs Chromium, node and npm. SHOTS=FOLDER keeps pictures of them.
pages: $(VENV)/.installed-test
	npm ci --prefix tests/pages --no-audit --no-fund
	$(BIN)/python -m pytest tests/pages

# 1,000 random parts made anew, with six encoders: nothing outside them moves; some minutes.
replacing: $(VENV)/.installed-test
	HOWLKIT_REPLACED=1000 $(BIN)/python -m pytest tests/sampling/test_replacing.py

# The contract of all tokenizers of howlkit-miditok; `make test` tries some. Two minutes.
tokenizers: $(VENV)/.installed-test
	HOWLKIT_TOKENIZERS=all $(BIN)/python -m pytest plugins/howlkit-miditok/tests -k contract

# Speed: every topic beside its limits and peers, and docs/benchmarks.md from what they found; under
# 20 minutes. HOWLKIT_DATA has the music. TOPICS names some of them; BENCH_OUT another page.
TOPICS    ?= encoding training generating grammars rules transformer_stepping starting first_minute rendering
BENCH_OUT ?= docs/benchmarks.md
bench: $(VENV)/.installed-bench
	set -e; for topic in $(TOPICS); do $(BIN)/python benchmarks/$$topic.py; done
	$(BIN)/python benchmarks/report.py --out $(BENCH_OUT)

# lstm and the models of plugins/ on chorales and pop909 (HOWLKIT_DATA), at equal time; half an hour.
MODELS := --encoders tuple --models lstm,transformer,ssm --minutes 5
models: $(VENV)/.installed-test
	$(BIN)/howlkit compare --augment transpose $(MODELS) --out-dir runs/models/chorales
	$(BIN)/howlkit compare $${HOWLKIT_DATA:?must name a folder with pop909}/pop909 $(MODELS) \
	    --out-dir runs/models/pop909

# Memory of prepare, processes, and opening, as files and notes grow; docs/measurements.md has what came.
scaling: $(VENV)/.installed-bench
	$(BIN)/python benchmarks/scaling.py

# What rules about notes keep, and how silly samples are before and after the default rules, in runs of
# pop909 (HOWLKIT_DATA) that are trained for three minutes each; two hours. SAMPLES=20 is quicker.
SAMPLES  ?= 200
HABITS   := runs/habits
steering: $(VENV)/.installed-test
	$(BIN)/python benchmarks/habits.py pop909 --encoders $(ENCODERS) --samples $(SAMPLES) --runs $(HABITS)
	set -e; music=$${HOWLKIT_DATA:?must name a folder with pop909}/pop909; for name in TSD REMI; do \
	    [ -d $(HABITS)/miditok-$$name/model ] || $(BIN)/howlkit train $$music --minutes 3 \
	        --encoder miditok -o miditok.tokenizer=$$name --out-dir $(HABITS)/miditok-$$name; \
	done
	$(BIN)/python benchmarks/steering.py --samples $(SAMPLES) \
	    $(foreach name,$(subst $(comma), ,$(ENCODERS)) miditok-TSD miditok-REMI,$(HABITS)/$(name))

# What lstm learns in two minutes of one processor, plain and by default: four folders of HOWLKIT_DATA,
# six encoders; some three hours. Stopped, it goes on where it was. LEARN=--encoders=tuple is quicker.
learning: $(VENV)/.installed-test
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/learning.py $(LEARN)

clean:
	rm -rf $(VENV) $(DEMO) build docs/api *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
