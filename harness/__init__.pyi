from harness.api import UserError as UserError
from harness.library import load as load
from harness.library import run as run
from harness.library import train as train

DISTRIBUTION: str
__version__: str
