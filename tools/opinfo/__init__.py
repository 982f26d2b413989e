"""PyTorch's own database of operators, `OpInfo`, compiled and compared with eager mode:

    python -m fxlower.tools.opinfo                              # all of it
    python -m fxlower.tools.opinfo add softmax --dtypes bfloat16
    python -m fxlower.tools.opinfo --shard 2/8 --checks forward,backward --to results.jsonl

`samples` chooses inputs, `outcome` runs a function on one and compares, `trial` compiles it,
`worker` is the process that does so (an operator may crash it), `pool` keeps workers running.
"""
