"""Before a test imports timm by itself: the program's way to import it is the quicker one."""

import fact_core.backbones  # noqa: F401
