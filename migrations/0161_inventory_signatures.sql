ALTER TABLE models ADD COLUMN inventory_signatures text NOT NULL DEFAULT 'optional'
    CHECK (inventory_signatures IN ('required', 'optional', 'off'));
COMMENT ON COLUMN models.inventory_signatures IS 'otaru_domain::ack::SignaturePolicy: whether its vehicles sign their inventories.';

ALTER TABLE vehicle_reports ADD COLUMN inventory_sequence bigint;
COMMENT ON COLUMN vehicle_reports.inventory_sequence IS 'The highest sequence among the inventories that the vehicle signed; null before the first.';
