CREATE TABLE vehicle_tokens (
    id uuid PRIMARY KEY,
    vehicle_id bigint NOT NULL REFERENCES vehicles,
    token_sha256 bytea NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    imported_at timestamptz NOT NULL,
    imported_by text NOT NULL,
    revoked_at timestamptz
);
COMMENT ON TABLE vehicle_tokens IS 'Opaque tokens that vehicles brought along from another server; the tokens themselves are not kept.';
COMMENT ON COLUMN vehicle_tokens.id IS 'By which it is revoked.';
COMMENT ON COLUMN vehicle_tokens.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN vehicle_tokens.token_sha256 IS 'SHA-256 of the token: looked up by it.';
COMMENT ON COLUMN vehicle_tokens.imported_at IS 'When.';
COMMENT ON COLUMN vehicle_tokens.imported_by IS 'The actor.';
COMMENT ON COLUMN vehicle_tokens.revoked_at IS 'When it was revoked.';
CREATE INDEX vehicle_tokens_vehicle ON vehicle_tokens (vehicle_id, id);

CREATE TABLE vehicle_auto_confirms (
    vehicle_id bigint PRIMARY KEY REFERENCES vehicles,
    initiator text,
    remark text,
    activated_at timestamptz NOT NULL
);
COMMENT ON TABLE vehicle_auto_confirms IS 'Vehicles whose owner confirmed all updates beforehand, as devices of the DDI API say it; no row, no such consent.';
COMMENT ON COLUMN vehicle_auto_confirms.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN vehicle_auto_confirms.initiator IS 'Who said it, by the device''s word.';
COMMENT ON COLUMN vehicle_auto_confirms.remark IS 'Why, by the device''s word.';
COMMENT ON COLUMN vehicle_auto_confirms.activated_at IS 'Since when.';
