-- The SQLite workload: insert, index, join, group, update, delete, in memory.
--
-- Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, price INTEGER, maker INTEGER);
CREATE TABLE maker(id INTEGER PRIMARY KEY, name TEXT);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
    INSERT INTO item SELECT i, printf('item %05d', i * 7919 % 100003), i * 31 % 977, i % 50 FROM n;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49)
    INSERT INTO maker SELECT i, 'maker ' || i FROM n;
COMMIT;
CREATE INDEX item_name ON item(name);
CREATE INDEX item_price ON item(price);
SELECT maker.name, count(*), sum(price), max(item.name) FROM item JOIN maker ON maker.id = item.maker
    WHERE price BETWEEN 100 AND 800 GROUP BY maker.id ORDER BY 3 DESC, 1 LIMIT 10;
SELECT count(*) FROM item WHERE name LIKE '%77%';
UPDATE item SET price = price * 2 WHERE maker IN (SELECT id FROM maker WHERE name LIKE '%3');
DELETE FROM item WHERE id % 3 = 0;
SELECT count(*), sum(price), min(name) FROM item;
SELECT substr(name, 6, 2) AS head, count(*) FROM item GROUP BY head ORDER BY 2 DESC, 1 LIMIT 5;
