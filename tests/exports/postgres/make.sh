#!/bin/sh
# Write the dump beside this script with PostgreSQL and PostGIS themselves.
#
#     apt-get install postgresql postgresql-15-postgis-3     # Debian 12
#     sh tests/exports/postgres/make.sh                      # as root, or as postgres
#
# The statements that CAVE's export runs: SELECT * to CSV without a header, and the
# columns from information_schema. values.csv has what the tests expect, printed by
# PostgreSQL as numbers and text instead of EWKB.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=${PGBIN:-/usr/lib/postgresql/15/bin}
work=$(mktemp -d)
port=${PGPORT:-54329}
as() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/sh -c "$1"; else sh -c "$1"; fi; }
[ "$(id -u)" != 0 ] || chown postgres "$work"
as "$bin/initdb -D $work/data -A trust --locale=C.UTF-8 > $work/log"
as "$bin/pg_ctl -D $work/data -o '-p $port -k $work' -w start >> $work/log"
trap 'as "$bin/pg_ctl -D $work/data -m fast stop >> $work/log"; rm -r "$work"' EXIT
sql() { as "psql -qX -v ON_ERROR_STOP=1 -h $work -p $port postgres $1"; }
cp "$here/table.sql" "$work/table.sql" && chmod a+r "$work/table.sql"
sql "-f $work/table.sql"
sql "-c '\\copy (SELECT * FROM pg_dump) TO STDOUT WITH (FORMAT csv)'" > "$work.csv"
gzip -9 -n < "$work.csv" > "$here/v5/pg_dump.csv.gz" && rm "$work.csv"
sql "-c \"\\copy (SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'pg_dump' ORDER BY ordinal_position) TO STDOUT WITH (FORMAT csv)\"" > "$here/v5/pg_dump_header.csv"
sql "-c \"\\copy (SELECT id, ST_X(pt_position), ST_Y(pt_position), ST_Z(pt_position), ST_X(srid_position), ST_Y(srid_position), ST_Z(srid_position), pt_root_id::text, valid::text, volume::text, size, to_char(created, 'YYYY-MM-DD HH24:MI:SS.US'), encode(convert_to(tag, 'UTF8'), 'hex'), tag IS NULL FROM pg_dump ORDER BY id) TO STDOUT WITH (FORMAT csv)\"" > "$here/values.csv"
