"""A synthetic concept set with the statistics of Broden, and units for it: for benchmarks only.

2,000 images of 112x112 pixels give about 100,000 atoms over 1,100 concepts in Zipf frequencies: 11 colors per pixel,
scenes per image, objects as blobs that depend on the scene, parts and materials within objects.
"""

from itertools import pairwise

import numpy as np
from PIL import Image
from scipy import ndimage, sparse

from lib.kernels.search.atoms import AtomCollector, Atoms

GRID = 112
N_COLORS = 11
N_REGIONS = 8
N_PARTS = 3


def _zipf(n, rng, exponent=1.0):
    weights = 1.0 / np.arange(1, n + 1) ** exponent
    return rng.permutation(weights / weights.sum())


def _noise(shape, coarse, rng):
    """Smooth noise fields of shape (*shape, GRID, GRID), upsampled from a coarse grid."""
    fields = rng.standard_normal((*shape, coarse, coarse)).astype(np.float32)
    position = np.linspace(0, coarse - 1, GRID)
    low = np.minimum(position.astype(int), coarse - 2)
    share = (position - low).astype(np.float32)
    fields = fields[..., low, :] * (1 - share)[:, None] + fields[..., low + 1, :] * share[:, None]
    return fields[..., low] * (1 - share) + fields[..., low + 1] * share


class World:
    """Which concepts exist and which go together.

    Parameters
    ----------
    n_concepts : int
    rng : numpy.random.Generator
    """

    def __init__(self, n_concepts, rng):
        rest = n_concepts - N_COLORS
        self.n_scenes, self.n_parts, self.n_materials = rest // 4, rest // 5, rest // 20
        self.n_objects = rest - self.n_scenes - self.n_parts - self.n_materials
        starts = np.cumsum([N_COLORS, self.n_scenes, self.n_objects, self.n_parts, self.n_materials])
        self.scene0, self.object0, self.part0, self.material0, self.n_concepts = (int(s) for s in starts)
        self.scene_weights = _zipf(self.n_scenes, rng)
        popularity = _zipf(self.n_objects, rng)
        taste = rng.gamma(0.15, size=(self.n_scenes, self.n_objects)) * popularity
        self.object_weights = taste / taste.sum(axis=1, keepdims=True)
        self.object_colors = rng.gamma(0.4, size=(self.n_objects, N_COLORS)).astype(np.float32) + 0.02
        self.object_parts = rng.choice(self.n_parts, size=(self.n_objects, 6), p=_zipf(self.n_parts, rng, 0.7))
        self.object_materials = rng.integers(self.n_materials, size=(self.n_objects, 2))
        self.has_parts = rng.random(self.n_objects) < 0.4


def _image(world, rng):
    """Return the label set of each region and the region * N_COLORS + color of each pixel of one image."""
    scene = rng.choice(world.n_scenes, p=world.scene_weights)
    objects = rng.choice(world.n_objects, size=N_REGIONS, p=world.object_weights[scene])
    blobs = (_noise((N_REGIONS,), 6, rng) + rng.standard_normal((N_REGIONS, 1, 1)).astype(np.float32) * 0.6).argmax(0)
    parts = _noise((N_PARTS,), 12, rng).argmax(0)
    weights = np.log(world.object_colors[objects]).astype(np.float32)
    texture = _noise((N_COLORS,), 20, rng) * 1.2
    colors = (weights.T[:, blobs] + texture).argmax(0)
    sets = []
    for item in objects:
        shared = {world.scene0 + int(scene), world.object0 + int(item)}
        if rng.random() < 0.4:
            shared.add(world.material0 + int(world.object_materials[item, rng.integers(2)]))
        names = rng.choice(world.object_parts[item], size=N_PARTS)
        labelled = world.has_parts[item] and rng.random() < 0.8
        for k, name in enumerate(names):
            sets.append(shared | ({world.part0 + int(name)} if labelled and k else set()))
    return sets, (blobs * N_PARTS + parts) * N_COLORS + colors


def make_atoms(n_images, n_concepts, *, seed, part=0):
    """Draw a concept set.

    Parameters
    ----------
    n_images, n_concepts : int
    seed : int
    part : int
        Other images with the same concepts in the same company have another number.

    Returns
    -------
    lib.kernels.search.atoms.Atoms
    """
    world = World(n_concepts, np.random.default_rng([seed, n_concepts]))
    rng = np.random.default_rng([seed, n_concepts, n_images, part] if part else [seed, n_concepts, n_images])
    collector = AtomCollector()
    pixels = np.empty((n_images, GRID, GRID), dtype=np.uint16)
    for image in range(n_images):
        sets, codes = _image(world, rng)
        sizes = np.bincount(codes.reshape(-1), minlength=len(sets) * N_COLORS)
        numbers, table, merged = {}, np.zeros(len(sizes), np.uint16), []
        for code in np.flatnonzero(sizes).tolist():
            key = tuple(sorted(sets[code // N_COLORS] | {code % N_COLORS}))
            number = table[code] = numbers.setdefault(key, len(numbers))
            if number == len(merged):
                merged.append(0)
            merged[number] += int(sizes[code])
        collector.add(np.array(merged), list(numbers))
        pixels[image] = table[codes]
    return Atoms(pixel_atoms=pixels, n_concepts=world.n_concepts, **collector.tables())


def write_folder(folder, atoms):
    """Write a drawn concept set in Broden's on-disk format: one PNG per category, image and overlap.

    Parameters
    ----------
    folder : pathlib.Path
    atoms : lib.kernels.search.atoms.Atoms
        Of `make_atoms`.
    """
    world = World(atoms.n_concepts, np.random.default_rng(0))
    bounds = [world.scene0, world.object0, world.part0, world.material0, world.n_concepts]
    starts = {"color": 0, **dict(zip(("scene", "object", "part", "material"), bounds))}
    ends = dict(zip(starts, bounds))
    category_of = [next(name for name in starts if c < ends[name]) for c in range(atoms.n_concepts)]
    (folder / "images").mkdir(parents=True)
    _write(
        folder / "label.csv", "number,name,category", [f"{c + 1},concept {c},{n}(1)" for c, n in enumerate(category_of)]
    )
    _write(folder / "category.csv", "name", list(starts))
    rows = []
    for image in range(atoms.n_images):
        chosen = atoms.atom_set[atoms.image_start[image] : atoms.image_start[image + 1]]
        held = [atoms.set_concepts[atoms.set_start[s] : atoms.set_start[s + 1]] for s in chosen]
        cells = {}
        for name, first in starts.items():
            labels = np.zeros(len(held), np.uint16)
            for row, concepts in enumerate(held):
                own = concepts[(concepts >= first) & (concepts < ends[name])]
                labels[row] = own[0] + 1 if len(own) else 0
            if name == "scene":
                cells[name] = str(labels[0])
                continue
            picture = labels[atoms.pixel_atoms[image]]
            cells[name] = f"{image}_{name}.png"
            rgb = np.stack([picture % 256, picture // 256, picture * 0], axis=-1).astype(np.uint8)
            Image.fromarray(rgb).save(folder / "images" / cells[name])
        Image.new("RGB", (8, 8)).save(folder / "images" / f"{image}.jpg")
        rows.append(",".join([f"{image}.jpg,train,224,224,{GRID},{GRID}", *(cells[name] for name in starts)]))
    _write(folder / "index.csv", "image,split,ih,iw,sh,sw," + ",".join(starts), rows)


def _write(path, header, rows):
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def make_unit(atoms, *, seed, side=7):
    """Draw the activation maps of a unit that likes a few concepts, after a ReLU.

    Parameters
    ----------
    atoms : lib.kernels.search.atoms.Atoms
    seed : int
    side : int
        Height and width of the maps; divides the mask grid.

    Returns
    -------
    numpy.ndarray of shape (n_images, side, side), float32
    """
    rng = np.random.default_rng([seed, 7])
    atom_liking = _liking(atoms, rng)[atoms.atom_set]
    maps = np.empty((atoms.n_images, side, side), dtype=np.float32)
    step = GRID // side
    for image in range(atoms.n_images):
        local = atom_liking[atoms.image_start[image] : atoms.image_start[image + 1]]
        maps[image] = local[atoms.pixel_atoms[image]].reshape(side, step, side, step).mean(axis=(1, 3))
    return _excite(maps, rng)


class UnitDrawer:
    """Draws many units of one concept set as `make_unit` does, each with one sparse product.

    Parameters
    ----------
    atoms : lib.kernels.search.atoms.Atoms
    side : int
        Height and width of the maps; divides the mask grid.
    """

    def __init__(self, atoms, side=7):
        self._atoms, self._side = atoms, side
        position = np.arange(GRID) * side // GRID
        cells = position[:, None] * side + position
        rows, columns, shares = [], [], []
        for image, (first, last) in enumerate(pairwise(atoms.image_start)):
            keys = cells * (last - first) + atoms.pixel_atoms[image]
            counts = np.bincount(keys.ravel())
            found = np.flatnonzero(counts)
            rows.append(image * side * side + found // (last - first))
            columns.append(atoms.atom_set[first + found % (last - first)])
            shares.append((counts[found] * (side / GRID) ** 2).astype(np.float32))
        parts = (np.concatenate(shares), (np.concatenate(rows), np.concatenate(columns)))
        self._shares = sparse.csr_matrix(parts, (atoms.n_images * side * side, atoms.n_sets))

    def draw(self, seed):
        """Draw the maps of a unit, float32 of shape (n_images, side, side)."""
        rng = np.random.default_rng([seed, 7])
        return _excite((self._shares @ _liking(self._atoms, rng)).reshape(-1, self._side, self._side), rng)


def _liking(atoms, rng):
    """Draw how much a unit likes each concept set, float32."""
    rows = np.repeat(np.arange(atoms.n_sets), np.diff(atoms.set_start))
    totals = np.bincount(atoms.set_concepts, weights=atoms.set_sizes()[rows], minlength=atoms.n_concepts)
    share = np.sqrt(totals) / np.sqrt(totals).sum()
    liking = np.zeros(atoms.n_concepts, dtype=np.float32)
    liked = rng.choice(atoms.n_concepts, size=rng.integers(2, 6), replace=False, p=share)
    liking[liked] = rng.uniform(0.5, 1.5, size=len(liked))
    liking[rng.choice(atoms.n_concepts, size=3, replace=False, p=share)] -= 0.7
    return np.bincount(rows, weights=liking[atoms.set_concepts], minlength=atoms.n_sets).astype(np.float32)


def _excite(maps, rng):
    """Turn how much a unit likes what is at each place into activations, with noise, after a ReLU."""
    noise = ndimage.gaussian_filter(rng.standard_normal(maps.shape), (0, 1, 1)) * 0.8
    drift = rng.standard_normal((len(maps), 1, 1)) * 0.35
    return np.maximum(np.exp(maps + noise + drift) - 1.0, 0).astype(np.float32)
