"""Writes seeds/mat/*: small .mat files by other programs than the library's own: python3 make_mat_seeds.py

Needs numpy, scipy and h5py from PyPI. tests/data/mat_test.cpp reads them too and expects these values. Run it again
only to change the files; the tests use what is committed.
"""
import pathlib
import struct

import h5py
import numpy as np
from scipy.io import savemat

ROOT = pathlib.Path(__file__).parent / "seeds" / "mat"
ROOT.mkdir(parents=True, exist_ok=True)

# Element (i, j, k) of x is 100 i + 10 j + k + 0.5, indices from 0.
x = np.fromfunction(lambda i, j, k: 100 * i + 10 * j + k + 0.5, (2, 3, 4))
cell = np.empty((2, 2), dtype=object)
cell[0, 0], cell[1, 0], cell[0, 1], cell[1, 1] = x, "text", np.int16([[1, 2]]), np.empty((0, 0))
nested = np.empty((1, 1), dtype=object)
nested[0, 0] = cell
everything = {
    "x": x,
    "single": x.astype("f4"),
    **{name: np.array([[np.iinfo(name).min, np.iinfo(name).max]], dtype=name)
       for name in ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]},
    "logical": np.array([[True, False, True]]),
    "text": "Grüße",
    "rows": np.array(["one  ", "three"]),
    "nothing": np.empty((0, 3)),
    "complex": np.array([[1 + 2j, 3 - 4j]]),
    "cell": cell,
    "nested": nested,
    "record": {"number": 7.0, "name": "seven", "inner": {"x": x}},
    "records": np.array([[(1.0, "a"), (2.0, "b")]], dtype=[("n", object), ("s", object)]),
    "scalar": 2.5,
}
savemat(ROOT / "v5.mat", everything)
savemat(ROOT / "v5_compressed.mat", everything, do_compression=True)
sparse_free = {"x": x[0], "text": "hello", "int": np.array([[1, -2]], "i4"), "small": np.array([[3], [4]], "u1"), "complex": np.array([[1 + 2j]])}
savemat(ROOT / "v4.mat", sparse_free, format="4")
from scipy.sparse import csc_matrix

savemat(ROOT / "sparse.mat", {"s": csc_matrix(np.eye(3)), "x": x}, do_compression=True)

# Big-endian files, written by hand: nobody's computer does it today, but the format has it.
def element(kind, data):
    return struct.pack(">II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def matrix(cls, dims, name, kind, data):
    return element(14, element(6, struct.pack(">II", cls, 0)) + element(5, struct.pack(f">{len(dims)}i", *dims)) + element(1, name) + element(kind, data))


header = b"MATLAB 5.0 MAT-file, big-endian".ljust(124) + struct.pack(">H", 0x0100) + b"MI"
values = struct.pack(">24d", *x.flatten("F"))
(ROOT / "v5_big_endian.mat").write_bytes(
    header + matrix(6, (2, 3, 4), b"x", 9, values) + matrix(6, (1, 3), b"packed", 3, struct.pack(">3h", -1, 2, 300)) + matrix(4, (1, 2), b"text", 4, struct.pack(">2H", ord("o"), ord("k"))))
(ROOT / "v4_big_endian.mat").write_bytes(
    struct.pack(">5i", 1000, 3, 4, 0, 2) + b"x\0" + struct.pack(">12d", *x[0].flatten("F")) + struct.pack(">5i", 1030, 1, 2, 0, 2) + b"i\0" + struct.pack(">2h", -5, 6))

# Version 7.3 as MATLAB lays it out: HDF5 behind 512 bytes, the first dimension last, references into /#refs#.
path = ROOT / "v73.mat"

# MATLAB's class names are strings that end with a zero for which there is no room; matio relies on that.
def set_class(item, cls):
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(len(cls))
    kind.set_strpad(h5py.h5t.STR_NULLTERM)
    attribute = h5py.h5a.create(item.id, b"MATLAB_class", kind, h5py.h5s.create(h5py.h5s.SCALAR))
    attribute.write(np.array(cls.encode(), f"S{len(cls)}"), kind)


with h5py.File(path, "w", userblock_size=512) as f:
    def put(group, name, array, cls, **attributes):
        chunks = {"chunks": array.T.shape, "compression": 3} if array.size > 20 else {}
        d = group.create_dataset(name, data=np.ascontiguousarray(array.T), **chunks)
        set_class(d, cls)
        for key, value in attributes.items():
            d.attrs[key] = value
        return d

    put(f, "x", x, "double")
    put(f, "int64", everything["int64"], "int64")
    put(f, "logical", np.array([[1, 0, 1]], "u1"), "logical", MATLAB_int_decode=np.int32(1))
    put(f, "text", np.array([[ord(c) for c in "Grüße"]], "u2"), "char", MATLAB_int_decode=np.int32(2))
    empty = f.create_dataset("nothing", data=np.array([0, 3], "u8"))
    set_class(empty, "double")
    empty.attrs["MATLAB_empty"] = np.uint8(1)
    refs = f.create_group("#refs#")
    a, b = put(refs, "a", x, "double"), put(refs, "b", np.array([[ord(c) for c in "text"]], "u2"), "char", MATLAB_int_decode=np.int32(2))
    references = f.create_dataset("cell", (1, 2), dtype=h5py.ref_dtype)
    references[0, 0], references[0, 1] = a.ref, b.ref
    set_class(references, "cell")
    record = f.create_group("record")
    set_class(record, "struct")
    fields = np.empty(1, dtype=object)
    fields[0] = np.frombuffer(b"number", "S1")
    record.attrs.create("MATLAB_fields", fields, dtype=h5py.vlen_dtype(np.dtype("S1")))
    put(record, "number", np.array([[7.0]]), "double")
with open(path, "r+b") as f:
    f.write(b"MATLAB 7.3 MAT-file, written with h5py".ljust(124) + struct.pack("<H", 0x0200) + b"IM")
for p in sorted(ROOT.iterdir()):
    print(p.name, p.stat().st_size)
