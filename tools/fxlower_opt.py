"""`fxlower-opt`: parse IR, run passes, print IR. Never imports torch."""

from xdsl.universe import XDSL_UNIVERSE
from xdsl.xdsl_opt_main import xDSLOptMain

from fxlower.universe import FXLOWER_UNIVERSE, REPLACED_DIALECTS


class FxlowerOptMain(xDSLOptMain):
    """xdsl-opt with exactly two universes: other installed plugins cannot change a test."""

    def register_all_dialects(self) -> None:
        dialects = XDSL_UNIVERSE.all_dialects | REPLACED_DIALECTS | FXLOWER_UNIVERSE.all_dialects
        for name, factory in dialects.items():
            self.ctx.register_dialect(name, factory)

    def register_all_passes(self) -> None:
        for universe in (XDSL_UNIVERSE, FXLOWER_UNIVERSE):
            for name, factory in universe.all_passes.items():
                self.register_pass(name, factory)


def main() -> None:
    FxlowerOptMain(description="fxlower modular optimizer driver").run()


if __name__ == "__main__":
    main()
