"""Functions of `math` as polynomials, one module per family.

Each expansion is written once and serves scalars and vectors of any width. Coefficients are from
Cephes (S. Moshier, single precision functions) unless a function names another source. Errors are
measured by `python -m fxlower.tools.ulp`.
"""
