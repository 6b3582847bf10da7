-- A job's row is written once more when it ends. Where its page has room for that, no index is touched; with half of
-- each page left free nearly every row finds it, and the table becomes no larger, for otherwise the old rows' pages stand
-- half empty until they are vacuumed. Pages that exist stay as they are.
ALTER TABLE herdbook.jobs SET (fillfactor = 50);
