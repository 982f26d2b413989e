"""`python -m fxlower`: a demonstration of one minute."""

import sys

from fxlower.demo.show import main

if __name__ == "__main__":
    sys.exit(main())
