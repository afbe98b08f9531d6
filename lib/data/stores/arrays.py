"""Memory-mapped array files (.npy)."""

import math
import os
from pathlib import Path

import numpy as np

from ...runtime.regular_files import check_regular_file


def create_array(path: str | Path, shape: tuple[int, ...]) -> np.memmap:
    """Create an array file with preallocated disk space, and open it for writing.

    Without preallocation a full disk would kill the process that writes to the mapped file.

    Parameters
    ----------
    path : str or pathlib.Path
        The file, in an existing folder.
    shape : tuple of int

    Returns
    -------
    numpy.memmap of shape `shape`, uint8
        Zeros.

    Raises
    ------
    OSError
        If the disk has too little space; the message gives the file and the size needed.
    """
    with Path(path).open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": tuple(map(int, shape))}
        np.lib.format.write_array_header_1_0(file, header)
        file.flush()
        size = file.tell() + math.prod(header["shape"])
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror}, but {size} bytes are needed", str(path)) from error
    return np.lib.format.open_memmap(path, mode="r+")


def open_array(path: str | Path) -> np.ndarray:
    """Open an array file for reading; it is memory-mapped.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is truncated, or holds something else than one array of numbers.
    """
    check_regular_file(path, name="array file")
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except OSError:
        raise
    except Exception as error:  # numpy parses the header as Python, which fails in many ways
        raise ValueError(f"{path} is damaged or no array: {error}") from error
