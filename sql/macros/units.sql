-- Positions and lengths: voxels to nanometres, distances, depth below the pia.
--
-- A position in nanometres is STRUCT(x DOUBLE, y DOUBLE, z DOUBLE). In client.sql there
-- are two more: resolution('TABLE'), the nanometres per voxel of a table that the
-- statement names, and soma_depth(position), the depth in the client's own dataset.

-- Voxels to nanometres; voxel is a struct like resolution('TABLE').
CREATE MACRO nm(x, y, z, voxel) AS {
    'x': (x * voxel.x)::DOUBLE,
    'y': (y * voxel.y)::DOUBLE,
    'z': (z * voxel.z)::DOUBLE
};

-- Straight distance of two positions, in their own unit.
CREATE MACRO distance(a, b) AS sqrt(
    (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y) + (a.z - b.z) * (a.z - b.z)
);

-- Depth below the pia in micrometres, of a position in nanometres. The numbers are those
-- of standard_transform 2.0: a rotation, a shift to a point of the pia, and a scale.
CREATE MACRO minnie_depth(p) AS
    8.715574274765817e-05 * p.x + 9.961946980917456e-04 * p.y - 3.966710322102846e+02;

CREATE MACRO v1dd_depth(p) AS
    9.634937518096358e-04 * p.y - 4.97765000934902e-06 * p.x
    + 2.6768454050276567e-04 * p.z - 3.6950757917005984e+02;
