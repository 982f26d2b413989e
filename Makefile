# What CI runs. `make check` before a commit.
PYTHON ?= .venv/bin/python

.PHONY: check lint types tests lit format operators opinfo random-programs zoo

check: lint types tests

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types:
	$(PYTHON) -m pyright --pythonpath $(PYTHON)

tests:
	$(PYTHON) -m pytest -n auto

lit:
	$(PYTHON) -c 'from lit.main import main; main()' -v tests/filecheck

# Random programs against eager mode, until one fails or 5000 pass (an hour or so).
random-programs:
	$(PYTHON) -m pytest -n0 --hypothesis-profile=long tests/e2e/test_random_programs.py

# Every model of the zoo in inference, training, with changing sizes and in generation, against eager
# mode; the table at the end says what runs in kernels. Some hours on one core.
zoo:
	$(PYTHON) tests/zoo/zoo_sweep.py --out zoo.jsonl

format:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

# Every operator of PyTorch's own database against eager mode: some hours of a core. Then its page.
opinfo:
	-$(PYTHON) -m fxlower.tools.opinfo --jobs 2 --to opinfo.jsonl
	$(PYTHON) -m fxlower.tools.opinfo.pages opinfo.jsonl

# The table of docs/operators.md, from the registry of lowerings.
operators:
	$(PYTHON) -m fxlower.tools.operator_table
