# A database on disk, with a journal and with shared memory.
# needs: sqlite3
set -euo pipefail
sqlite3 test.db <<'SQL'
pragma journal_mode = wal;
create table t (n integer primary key, text text);
with recursive c(n) as (select 1 union all select n + 1 from c where n < 20000)
insert into t select n, printf('%05d', n * 7919 % 10007) from c;
create index i on t (text);
select count(*), sum(n), min(text), max(text) from t;
delete from t where n % 3 = 0;
select count(*) from t where text like '0%';
pragma integrity_check;
SQL
for i in 1 2 3 4; do
    sqlite3 -cmd '.timeout 20000' test.db "update t set text = text || '$i' where n % 4 = $((i - 1))" &
done
wait
sqlite3 test.db 'select count(*), length(group_concat(text)) from t'
