"""Datasets as bytes of netCDF files: sealed by a store, or written by others."""

import hashlib
import io

import h5netcdf
import h5py
import h5py.h5d
import h5py.h5l
import numpy as np
import xarray as xr

from .._base.files import check_fits


# The last line of a file: a checksum of the rest. Readers of netCDF ignore it.
_SEAL = b"\nsha256 "
_SEAL_SIZE = len(_SEAL) + 65
_STAMPS = ("store_study", "store_chunk")


def encode(dataset: xr.Dataset) -> bytes:
    """A sealed netCDF file. In memory, as HDF5 hides why a disk cannot be written."""
    # Fill values would rewrite NaNs.
    plain = {name: {"_FillValue": None} for name in dataset.variables}
    buffer = io.BytesIO()
    from xarray import backends

    # `to_netcdf` writes netCDF 4 to memory from xarray 2025.9 on only.
    with h5netcdf.File(buffer, "w") as file:
        dataset.dump_to_store(backends.H5NetCDFStore(file), encoding=plain)
    return sealed(buffer.getvalue())


def sealed(content: bytes) -> bytes:
    """The bytes of a file, with a line that tells whether they are whole."""
    return content + _seal(content)


def _seal(content: bytes | memoryview) -> bytes:
    return _SEAL + hashlib.sha256(content).hexdigest().encode() + b"\n"


def is_sealed(data: bytes) -> bool:
    """Whether a store wrote these bytes, be they whole or not."""
    return data[-_SEAL_SIZE:].startswith(_SEAL)


def is_whole(data: bytes) -> bool:
    """Whether a store wrote these very bytes."""
    return data[-_SEAL_SIZE:] == _seal(memoryview(data)[:-_SEAL_SIZE])


def check_seal(data: bytes) -> None:
    """Refuse damaged bytes before HDF5, which may believe them, or never return."""
    if not is_whole(data):
        raise ValueError("it is cut short, damaged, or not written by a store")


def decode(
    data: bytes, group: str | None = None
) -> tuple[xr.Dataset, dict[str, str | None]]:
    """The dataset in a netCDF file, of either format, and the stamp of a store.

    Args:
        data: the file.
        group: which dataset, in a file of several.

    Raises:
        ValueError: if it is no netCDF file, or leads to other files.
        MemoryError: if it declares more than fits into memory.
    """
    classic = data.startswith(b"CDF")
    try:
        if not classic:
            # Before HDF5 reads anything. Of what it cannot open, h5netcdf would leave
            # an unfinished object behind.
            with h5py.File(io.BytesIO(data)) as file:
                _check_contents(file)
        dataset = xr.load_dataset(
            io.BytesIO(data),
            engine="scipy" if classic else "h5netcdf",
            group=group,
            decode_times=False,
            decode_timedelta=False,
        ).drop_encoding()
    except (Refused, MemoryError):
        raise
    # What is no netCDF file makes HDF5, SciPy and xarray raise errors of many kinds.
    except Exception as error:
        raise ValueError(f"it is no netCDF file ({error})") from error
    if classic:
        dataset = _widened(dataset)
    return dataset, {name: dataset.attrs.pop(name, None) for name in _STAMPS}


class Refused(ValueError):
    """A netCDF file that is refused for what it holds."""


def stamp_of(data: bytes) -> dict[str, str | None]:
    """The stamp of a store alone.

    Raises:
        ValueError: if HDF5 cannot read it.
    """
    try:
        with h5py.File(io.BytesIO(data)) as file:
            return {name: file.attrs.get(name) for name in _STAMPS}
    except OSError as error:
        raise ValueError(str(error)) from error


def groups_of(data: bytes) -> list[str]:
    """Names of the groups of a netCDF file, outermost ones."""
    if not data.startswith(b"\x89HDF"):
        return []
    with h5py.File(io.BytesIO(data)) as file:
        return [name for name, item in file.items() if isinstance(item, h5py.Group)]


def _check_contents(file: h5py.File) -> None:
    """Refuse what leads out of a file, and more numbers than fit into memory."""
    size, pending, seen = 0, [file["/"]], set()
    while pending:
        item = pending.pop()
        if item in seen:
            continue
        seen.add(item)
        if isinstance(item, h5py.Group):
            pending += [_inside(item, str(name)) for name in item]
        elif isinstance(item, h5py.Dataset):
            made = item.id.get_create_plist()
            if made.get_external_count() or made.get_layout() == h5py.h5d.VIRTUAL:
                raise Refused(f"its `{item.name}` is in another file")
            points = item.id.get_space().get_simple_extent_npoints()
            size += points * item.id.get_type().get_size()
    check_fits(size)


def _inside(group: h5py.Group, name: str):
    """What a group holds of that name."""
    link = group.id.links.get_info(name.encode(errors="surrogateescape"))
    if link.type != h5py.h5l.TYPE_HARD:
        raise Refused(f"its `{name}` is a link, which may lead to another file")
    return group[name]


def _widened(dataset: xr.Dataset) -> xr.Dataset:
    """Whole numbers in 64 bits: the classic format holds 32, and squares need more."""
    wide = {
        name: variable.astype(np.int64)
        for name, variable in dataset.variables.items()
        if variable.dtype.kind == "i"
    }
    return dataset.assign_coords(
        {name: x for name, x in wide.items() if name in dataset.coords}
    ).assign({name: x for name, x in wide.items() if name not in dataset.coords})
