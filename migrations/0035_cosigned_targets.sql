CREATE TABLE manifest_pending (
    model_id text PRIMARY KEY REFERENCES models,
    root bytea,
    version bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    bytes bytea NOT NULL,
    drafted_at timestamptz NOT NULL
);
COMMENT ON TABLE manifest_pending IS 'Targets that wait for the signature of a person, see otaru_domain::tuf::Pending; not published.';
COMMENT ON COLUMN manifest_pending.model_id IS 'Whose.';
COMMENT ON COLUMN manifest_pending.root IS 'The signed root that asks for the signature and is published with it; null when the present one does.';
COMMENT ON COLUMN manifest_pending.version IS 'The version of the targets.';
COMMENT ON COLUMN manifest_pending.expires_at IS 'When they expire.';
COMMENT ON COLUMN manifest_pending.bytes IS 'The file, signed by the service.';
COMMENT ON COLUMN manifest_pending.drafted_at IS 'When this draft was written.';
