ALTER TABLE models ADD COLUMN max_bytes_per_sec bigint CHECK (max_bytes_per_sec > 0);
COMMENT ON COLUMN models.max_bytes_per_sec IS 'The most bytes of images that its vehicles are sent in a second, over all gateways; null for no cap.';

CREATE TABLE bandwidth_leases (
    scope text NOT NULL,
    gateway uuid NOT NULL,
    downloads bigint NOT NULL CHECK (downloads >= 0),
    bytes_per_sec bigint NOT NULL CHECK (bytes_per_sec >= 0),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (scope, gateway)
);
COMMENT ON TABLE bandwidth_leases IS 'Each gateway''s share of a cap for a few seconds. Of one scope they are never more than the cap together.';
COMMENT ON COLUMN bandwidth_leases.scope IS 'model:<id> or campaign:<id>.';
COMMENT ON COLUMN bandwidth_leases.gateway IS 'The gateway process.';
COMMENT ON COLUMN bandwidth_leases.downloads IS 'How many downloads it has there: shares are in proportion to them.';
COMMENT ON COLUMN bandwidth_leases.bytes_per_sec IS 'Its share.';
COMMENT ON COLUMN bandwidth_leases.expires_at IS 'When it is free for others, by the database''s clock.';
