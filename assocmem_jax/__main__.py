"""`python -m assocmem_jax` is the `assocmem` command."""

from ._cli import main


if __name__ == "__main__":
    main()
