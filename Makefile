# Two commands do everything: `make demo` and `make test`. Both install what they need first. `make help` lists the others.
SHELL := /bin/bash
RNN := .build/release/rnn
# What `rnn --version` names.
export RNNKIT_COMMIT := $(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null)
PACKAGES := libhdf5-dev libxxhash-dev zlib1g-dev pkg-config python3 python3-venv

# `make library` and `make install PREFIX=/usr/local` are for other languages: Bindings/C/README.md.
.PHONY: demo test setup build debug lint format docs examples library install uninstall wheel dist test-dist clean help test-bindings frames bench bench-convert bench-start bench-engines hostile fuzz fuzz-short fuzz-build exhaustive interop pairs messages pictures
.DEFAULT_GOAL := demo

# System packages are installed where one is missing; as root, or through sudo.
.packages:
	@missing=""; for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing$$missing"; \
	  sudo=$$([ $$(id -u) = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq $$missing >/dev/null; \
	fi
.PHONY: .packages

setup: .packages .venv/done  ## install what building and testing need, and build nothing

build: .packages  ## the command, at .build/release/rnn
	swift build -c release

# Rules of swift-format, of ruff and the layout of C; the layout of Swift and Python is by hand (.swift-format, ruff.toml,
# .clang-format). One set of versions, so that everyone gets the same findings.
LINTERS := clang-format==23.1.5 ruff==0.17.6
C_FILES = $(shell git ls-files '*.c' '*.h' '*.cpp')
SWIFT_FORMAT := --debug-disable-pretty-print --recursive --parallel Sources Tests Examples Package.swift
.venv/lint/done: Makefile
	python3 -m venv .venv/lint && .venv/lint/bin/pip install -q $(LINTERS) && touch $@

lint: .packages .venv/lint/done  ## check the style of Swift, C and Python
	swift format lint --strict $(SWIFT_FORMAT)
	.venv/lint/bin/clang-format --dry-run -Werror $(C_FILES)
	.venv/lint/bin/ruff check --quiet

format: .packages .venv/lint/done  ## mend what `make lint` finds, as far as the tools can
	swift format format --in-place $(SWIFT_FORMAT)
	.venv/lint/bin/clang-format -i $(C_FILES)
	.venv/lint/bin/ruff check --quiet --fix

# RNNKit's documentation, with the modules it re-exports as a reader of `import RNNKit` sees them, in
# .build/docs/RNNKit.doccarchive: `docc preview` or any web server shows it.
docs: .packages  ## the documentation, in .build/docs; fails on a warning
	swift build --target RNNKit
	python3 -B .ci/docs.py .build/docs

# Converts a trained model from HDF5, runs it on real data and compares it with PyTorch's own outputs.
demo: build  ## convert a trained model, check it against PyTorch, run and plot it
	@./SampleModels/demo.sh $(RNN)

# The scripts that read our files with nothing but the specification.
.venv/done: Schemas/requirements.txt
	python3 -m venv .venv && .venv/bin/pip install -q -r $< && touch $@

# Tests are built with other flags than the command, so they have a folder of their own: neither build undoes the other.
SWIFT_TEST := swift test -c release --scratch-path .build/tests
test: .packages .venv/done  ## build and run every test
	$(SWIFT_TEST)

# A debug build runs too, with the same bits as an optimised one.
debug: build  ## an unoptimised build, compared with the optimised one
	swift build
	python3 .ci/debug.py .build/debug/rnn $(RNN)

# Examples/ from outside, unoptimised, as a first try is, and the package that the README shows.
EXAMPLES := .build/examples
examples: .packages  ## build and run Examples/ and the README's package
	Examples/run.sh $(EXAMPLES)

# librnnkit.so for C and other languages, and everything that `make install` copies, under .build/library/prefix.
library: .packages  ## librnnkit.so and all that `make install` copies
	Bindings/C/build.sh

# Copies what `make library` made; builds nothing, so that it can be run as another user. DESTDIR is for packagers.
PREFIX ?= /usr/local
STAGED := .build/library/prefix
install:  ## copy what `make library` made to PREFIX (/usr/local)
	@[ -e $(STAGED)/lib/librnnkit.so ] || { echo "nothing is built yet: run 'make library' first" >&2; exit 1; }
	mkdir -p "$(DESTDIR)$(PREFIX)"
	cd $(STAGED) && find . -type d -exec mkdir -p "$(DESTDIR)$(abspath $(PREFIX))/{}" \;
	cd $(STAGED) && find . ! -type d -exec cp -P --preserve=mode --remove-destination {} "$(DESTDIR)$(abspath $(PREFIX))/{}" \;

# Removes the files that `make install` put there, and folders of RNNKit's own.
uninstall:  ## remove it again
	@[ -e $(STAGED) ] || { echo "run 'make library' first, which knows the files" >&2; exit 1; }
	cd $(STAGED) && find . ! -type d -exec rm -f "$(DESTDIR)$(abspath $(PREFIX))/{}" \;
	rmdir "$(DESTDIR)$(abspath $(PREFIX))"/{libexec/rnnkit,lib/cmake/RNNKit} 2>/dev/null || true

# The C interface from an installed prefix: its ABI, its header, examples in four languages, and what must not grow.
test-bindings: wheel .venv/done  ## test the C library and the Python package
	Bindings/C/tests/run.sh
	Bindings/Python/tests/run.sh

# .build/wheel/rnnkit-….whl, for `pip install`: the Python package with the library and the command inside.
wheel: library  ## the Python package, in .build/wheel
	Bindings/Python/build.sh
	python3 Bindings/Python/backend.py .build/wheel

# .build/dist: a tarball and a .deb that need no Swift and no libhdf5, and their test in a root that holds nothing else.
dist: library  ## a tarball and a .deb that run without Swift, in .build/dist
	Bindings/Python/build.sh
	Bindings/Package/build.sh
test-dist:  ## run what `make dist` packed where there is nothing else
	Bindings/Package/test.sh

clean:  ## remove everything that was built
	rm -rf .build .venv

help:  ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*  ## \(.*\)/\1\t\2/p' Makefile | while IFS="$$(printf '\t')" read -r name words; do \
	  printf '  make %-14s %s\n' "$$name" "$$words"; done

# Fails where a function of the kernels takes more than 64 KiB of a stack, optimised or not.
frames:  ## check how much of a stack the kernels take
	for o in 0 2; do ls Sources/CRNNKernels/*.c Sources/CRNNPeaks/*.c | xargs -P $$(nproc) -I{} clang -O$$o -fblocks \
	  -Werror -Wframe-larger-than=65536 -ISources/CRNNKernels/include -ISources/CRNNPeaks/include -c {} -o /dev/null \
	  || exit 1; done

# Schemas/pairs.md, after a change of what a container can hold.
pairs:  ## write Schemas/pairs.md anew
	RNNKIT_WRITE_PAIRS=1 $(SWIFT_TEST) --filter RNNKitTests.PairTests

# Schemas/messages.md, after a change of a message.
messages:  ## write Schemas/messages.md anew
	RNNKIT_WRITE_MESSAGES=1 $(SWIFT_TEST) --filter CommandTests.MessageTableTests

# Reports and drawings in a browser without a window, at two widths, light and dark: nothing overlaps, nothing is cut. The
# pictures are left in the folder that RNNKIT_PICTURES names, else in .build/pictures.
pictures: PACKAGES += chromium fonts-liberation
pictures: .packages .venv/done  ## check reports in a browser, and take pictures of them
	$(SWIFT_TEST) --filter CommandTests.PictureTests

# The files we write, opened and run by PyTorch, safetensors, NumPy, h5py, Keras and ONNX Runtime, and ONNX's own tests run
# by us. RNNKIT_PYTHON names a Python that has them (Tests/Interop/requirements.txt), or one is made with them.
INTEROP_PYTHON := $(or $(RNNKIT_PYTHON),.venv/interop/bin/python)
INTEROP_READY := $(if $(RNNKIT_PYTHON),,.venv/interop/done)
.venv/interop/done: Tests/Interop/requirements.txt
	python3 -m venv .venv/interop && .venv/interop/bin/pip install -q -r $< && touch $@

interop: build $(INTEROP_READY)  ## open and run what is written with PyTorch, Keras, ONNX Runtime and others
	$(INTEROP_PYTHON) -B Tests/Interop/run.py $(RNN)

# Measurements. RNNKIT_BENCH_PYTHON names a Python that has the peers, or one is made with them.
BENCH_PYTHON := $(or $(RNNKIT_BENCH_PYTHON),.venv/bench/bin/python)
BENCH_READY := $(if $(RNNKIT_BENCH_PYTHON),,.venv/bench/done)
.venv/bench/done: Benchmarks/requirements.txt
	python3 -m venv .venv/bench && .venv/bench/bin/pip install -q -r $< && touch $@

# Runs models beside PyTorch, ONNX Runtime and OpenVINO, and writes Benchmarks/RESULTS.md.
bench: build $(BENCH_READY)  ## measure beside PyTorch, ONNX Runtime and OpenVINO
	$(BENCH_PYTHON) Benchmarks/bench.py

# Converts models of a gigabyte and loads one, and writes Benchmarks/CONVERT.md.
bench-convert: build $(BENCH_READY)
	$(BENCH_PYTHON) Benchmarks/convert.py --output Benchmarks/CONVERT.md

# Scores sequences in Spark and Ray, and writes Benchmarks/ENGINES.md. RNNKIT_ENGINES_PYTHON names a Python that has them.
ENGINES_PYTHON := $(or $(RNNKIT_ENGINES_PYTHON),.venv/engines/bin/python)
ENGINES_READY := $(if $(RNNKIT_ENGINES_PYTHON),,.venv/engines/done)
.venv/engines/done: Benchmarks/requirements-engines.txt
	python3 -m venv .venv/engines && .venv/engines/bin/pip install -q -r $< && touch $@

bench-engines: wheel $(ENGINES_READY)  ## measure Spark and Ray beside one process
	rm -rf .build/wheel/unpacked && python3 -m zipfile -e .build/wheel/rnnkit-*.whl .build/wheel/unpacked
	PYTHONPATH=$(CURDIR)/.build/wheel/unpacked $(ENGINES_PYTHON) -B Benchmarks/engines.py --output Benchmarks/ENGINES.md

# Times a tiny model's run as a process, and writes Benchmarks/START.md.
bench-start: build
	python3 Benchmarks/start.py --output Benchmarks/START.md

# Published hostile HDF5 files, where they are beside the package, and COUNT mutated model files through inspect and convert.
COUNT := 20000
SEED := 1
HOSTILE := ../shared/hostile-hdf5
hostile: build  ## read mutated and published hostile files
	python3 -B Tests/Hostile/run.py --rnn $(RNN) --seed $(SEED) --count $(COUNT) --known $(HOSTILE) --progress \
	  --keep .build/hostile

# libFuzzer on every reader, each for SECONDS, under the address sanitizer, and C under the undefined-behaviour one too.
SECONDS := 60
RUNS := 2000
FUZZER := .build/fuzz/rnn-fuzz
FUZZ := RNNKIT_HDF5=$(CURDIR)/.build/release/rnn-hdf5 python3 -B Tests/Fuzz/run.py --fuzzer $(FUZZER)
fuzz-build: build
	@rm -f .build/fuzz/release/librnn-fuzz.a  # an archive keeps the objects of files that are no more
	RNNKIT_FUZZ=1 swift build -c release --scratch-path .build/fuzz --product rnn-fuzz \
	  -Xswiftc -sanitize=address,fuzzer
	swiftc -sanitize=address,fuzzer -use-ld=lld -o $(FUZZER) -Xlinker --whole-archive .build/fuzz/release/librnn-fuzz.a \
	  -Xlinker --no-whole-archive -lz -lxxhash
fuzz: fuzz-build  ## libFuzzer on every reader, each for SECONDS (60)
	$(FUZZ) --seconds $(SECONDS)
# The same work every time: RUNS inputs for each target, of one seed.
fuzz-short: fuzz-build
	$(FUZZ) --runs $(RUNS) --seed $(SEED)

# ONNX's messages in Swift, after a change of onnx.proto. Needs protoc: apt-get install protobuf-compiler.
PROTOBUF := .build/checkouts/swift-protobuf
protobuf:
	swift build -c release --package-path $(PROTOBUF) --product protoc-gen-swift
	cd Sources/RNNONNX/Protobuf && protoc --swift_out=. --swift_opt=Visibility=Internal \
	  --plugin=../../../$(PROTOBUF)/.build/release/protoc-gen-swift onnx.proto
.PHONY: protobuf

# tanh and sigmoid over every float32 against a correctly rounded reference.
exhaustive:
	mkdir -p .build && clang -O2 -pthread -ISources/CRNNKernels/include -o .build/exhaustive Benchmarks/exhaustive.c Sources/CRNNKernels/*.c -lm
	.build/exhaustive
