CREATE EXTENSION postgis;
CREATE TABLE pg_dump (
    id BIGINT PRIMARY KEY,
    created TIMESTAMP,
    deleted TIMESTAMP,
    superceded_id BIGINT,
    valid BOOLEAN,
    tag VARCHAR,
    size INTEGER,
    volume DOUBLE PRECISION,
    pt_position GEOMETRY(POINTZ),
    srid_position GEOMETRY(POINTZ, 4326),
    pt_root_id BIGINT
);
INSERT INTO pg_dump
SELECT
    -- in no order
    (n * 7919) % 1009,
    TIMESTAMP '2023-01-01' + n * INTERVAL '1.000001 second',
    NULL,
    CASE WHEN n % 50 = 0 THEN n END,
    n % 10 <> 0,
    CASE n % 8
        WHEN 0 THEN NULL
        WHEN 1 THEN ''
        WHEN 2 THEN 'a,b'
        WHEN 3 THEN 'say "hi"'
        WHEN 4 THEN E'two\nlines'
        WHEN 5 THEN E'tab\tand \\N'
        WHEN 6 THEN 'µm Ω'
        ELSE 'NULL'
    END,
    CASE WHEN n % 9 = 0 THEN NULL ELSE n * 31 END,
    CASE n % 7
        WHEN 0 THEN NULL
        WHEN 1 THEN 'NaN'
        WHEN 2 THEN 'Infinity'
        WHEN 3 THEN '-Infinity'
        WHEN 4 THEN 1e-300
        ELSE n / 3.0::DOUBLE PRECISION
    END,
    CASE
        WHEN n % 11 = 0 THEN NULL
        WHEN n % 13 = 0 THEN ST_GeomFromText('POINT Z EMPTY')
        ELSE ST_MakePoint(n, n / 7.0, -n)
    END,
    ST_SetSRID(ST_MakePoint(n, n + 0.1, 1e9 + n), 4326),
    CASE WHEN n % 5 = 0 THEN NULL ELSE 864691135000000001 + 2 * n END
FROM GENERATE_SERIES(1, 500) AS n;
