-- Which migrations removed what older versions need: a version that does not know one of those cannot work any more.
ALTER TABLE herdbook.migrations ADD COLUMN is_contract boolean NOT NULL DEFAULT false;
