"""The images with the highest activations of each unit, over a stream of batches."""

import numpy as np


class TopImages:
    """Running top k images per unit by pooled activation; of equal activations the earlier image wins.

    Parameters
    ----------
    n_units, k : int

    References
    ----------
    MILAN (Hernandez et al. 2022), exemplars: the k images with the largest maximum activation.
    """

    def __init__(self, n_units: int, k: int) -> None:
        self._k = k
        self._values = np.empty((n_units, 0), dtype=np.float32)
        self._ids = np.empty((n_units, 0), dtype=np.int64)
        self._places = np.empty((n_units, 0), dtype=np.int64)

    def add(self, first_image: int, pooled: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Add the next images in order.

        Parameters
        ----------
        first_image : int
            Index of the first of them in the data set.
        pooled : numpy.ndarray of shape (n_images, n_units), float32
            Maximum of each unit over each image; NaN counts as the smallest value.

        Returns
        -------
        units, places, images : numpy.ndarray of int64
            As `merge` returns them, images counted from `first_image`.
        """
        pooled = np.where(np.isnan(pooled), np.float32(-np.inf), pooled).T
        return self.merge(np.broadcast_to(np.arange(first_image, first_image + pooled.shape[1]), pooled.shape), pooled)

    def merge(self, ids: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Add the best of later images, such as the result of another stream.

        Parameters
        ----------
        ids : numpy.ndarray of shape (n_units, n), int64
            All greater than those that came before; of equal values the smaller comes first.
        values : numpy.ndarray of shape (n_units, n), float32

        Returns
        -------
        units, places, images : numpy.ndarray of int64
            The units, the places among k and the columns of `ids` of the images that are now among the best. A place is
            that of a dropped image, so that data per image, such as maps, can be overwritten in place.
        """
        n_before = self._ids.shape[1]
        newcomers = np.full(ids.shape, -1)
        values = np.concatenate([self._values, values], axis=1)
        ids = np.concatenate([self._ids, ids], axis=1)
        # a stable sort keeps the earlier image of equal ones in front
        order = np.argsort(-values, axis=1, kind="stable")[:, : self._k]
        self._values = np.take_along_axis(values, order, axis=1)
        self._ids = np.take_along_axis(ids, order, axis=1)
        self._places = np.take_along_axis(np.concatenate([self._places, newcomers], axis=1), order, axis=1)
        units, ranks = np.nonzero(self._places < 0)
        free = np.ones(self._places.shape, dtype=bool)
        kept_units, kept_ranks = np.nonzero(self._places >= 0)
        free[kept_units, self._places[kept_units, kept_ranks]] = False
        # both are in the order of units, and a unit has as many free places as newcomers
        places = np.nonzero(free)[1]
        self._places[units, ranks] = places
        return units, places, order[units, ranks] - n_before

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Return image ids, int64, and activations, float32, both of shape (n_units, k), best first."""
        return self._ids, self._values

    def places(self) -> np.ndarray:
        """Return the place of each image of `result`, int64 of shape (n_units, k)."""
        return self._places
