-- Writes down each change that the record must not see, in the statement that makes it, so that none is missed.
CREATE SCHEMA laboratory;
CREATE TABLE laboratory.forbidden (
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    what    text NOT NULL,
    before  jsonb NOT NULL,
    after   jsonb
);
CREATE FUNCTION laboratory.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO laboratory.forbidden (what, before, after)
    VALUES (TG_ARGV[0], to_jsonb(OLD), CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(NEW) END);
    RETURN NULL;
END $$;
CREATE TRIGGER backward AFTER UPDATE ON herdbook.jobs FOR EACH ROW
WHEN ((NEW.generation, NEW.attempt) < (OLD.generation, OLD.attempt)
      OR (NEW.generation = OLD.generation AND NEW.status <> OLD.status
          AND OLD.status IN ('completed', 'failed', 'cancelled')))
EXECUTE FUNCTION laboratory.note('went backwards');
CREATE TRIGGER taken AFTER UPDATE ON herdbook.jobs FOR EACH ROW
WHEN (NEW.generation = OLD.generation AND NEW.attempt = OLD.attempt AND NEW.worker <> OLD.worker)
EXECUTE FUNCTION laboratory.note('one attempt changed its worker');
CREATE TRIGGER rewritten AFTER UPDATE ON herdbook.jobs FOR EACH ROW
WHEN (NEW.job_data IS DISTINCT FROM OLD.job_data OR NEW.job_type <> OLD.job_type OR NEW.queue <> OLD.queue)
EXECUTE FUNCTION laboratory.note('is another job');
CREATE TRIGGER deleted AFTER DELETE ON herdbook.jobs FOR EACH ROW
EXECUTE FUNCTION laboratory.note('was deleted');
CREATE TRIGGER rewritten AFTER UPDATE OR DELETE ON herdbook.job_attempts FOR EACH ROW
EXECUTE FUNCTION laboratory.note('an attempt was rewritten');
