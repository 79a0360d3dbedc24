"""`python -m hvdgan` is `hvdgan`."""

from hvdgan.cli import main

main()
