ALTER TABLE models ADD COLUMN ack_signatures text NOT NULL DEFAULT 'optional'
    CHECK (ack_signatures IN ('required', 'optional', 'off'));
COMMENT ON COLUMN models.ack_signatures IS 'otaru_domain::ack::SignaturePolicy: whether its vehicles sign their reports.';

ALTER TABLE vehicle_credentials ADD COLUMN ack_key bytea;
COMMENT ON COLUMN vehicle_credentials.ack_key IS 'The public ed25519 key by which the vehicle signs its reports, 32 bytes, if it gave one.';

ALTER TABLE ack_history ADD COLUMN signed_by uuid;
COMMENT ON COLUMN ack_history.signed_by IS 'The credential whose key signed it; null for what was not signed, or was not looked at.';
