"""`python -m assocmem_jax` is the `assocmem` command."""

from ._command.cli import main


if __name__ == "__main__":
    main()
