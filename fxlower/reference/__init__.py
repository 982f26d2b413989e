"""What IR means, computed with torch: the reference for tests and for `fxlower.bisect`."""
