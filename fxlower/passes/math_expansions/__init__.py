"""Functions of `math` as polynomials, one module per family.

Each expansion is written once and serves f32 and f64, scalars and vectors of any width. The
coefficients of f64 are fitted by `python -m fxlower.tools.minimax`, those of f32 are from Cephes
(S. Moshier, single precision functions) or fitted, unless a function names another source. Errors
are measured by `python -m fxlower.tools.ulp`.
"""
