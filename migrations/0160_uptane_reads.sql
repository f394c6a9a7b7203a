ALTER TABLE uptane_directions ADD COLUMN begun_at timestamptz;
COMMENT ON COLUMN uptane_directions.begun_at IS 'When the vehicle read the timestamp last: the set of files that it has begun.';
