"""The IR vocabularies of fxlower: what xDSL lacks, one dialect per module or package."""

if __name__ != "fxlower.dialects":  # a second import name would duplicate every op class
    raise ImportError("import this package as fxlower.dialects")
