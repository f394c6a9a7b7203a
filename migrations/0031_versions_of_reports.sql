ALTER TABLE ack_history ADD COLUMN versions jsonb;
COMMENT ON COLUMN ack_history.versions IS 'What the vehicle said its ECUs run, an object of versions by hardware id; with reports of an end.';
