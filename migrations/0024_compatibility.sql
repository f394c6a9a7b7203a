ALTER TABLE release_images
    ADD COLUMN requires jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(requires) = 'array');
COMMENT ON COLUMN release_images.requires IS 'otaru_domain::requirement::Requirement: what must run on the vehicle''s ECUs.';

ALTER TABLE vehicles ADD COLUMN opted_out_at timestamptz;
COMMENT ON COLUMN vehicles.opted_out_at IS 'Since when its holder wants no updates over the air.';
CREATE INDEX vehicles_opted_out ON vehicles (id) WHERE opted_out_at IS NOT NULL;

CREATE TABLE campaign_exclusions (
    campaign_id bigint NOT NULL,
    vehicle_id bigint NOT NULL,
    reason text NOT NULL,
    hardware_id text,
    versions text,
    PRIMARY KEY (campaign_id, vehicle_id)
);
COMMENT ON TABLE campaign_exclusions IS 'Who matched a campaign''s target and was left out. Without foreign keys, like its members.';
COMMENT ON COLUMN campaign_exclusions.campaign_id IS 'The campaign.';
COMMENT ON COLUMN campaign_exclusions.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN campaign_exclusions.reason IS 'otaru_domain::exclusion::Reason: the first that applied.';
COMMENT ON COLUMN campaign_exclusions.hardware_id IS 'The ECU it is about.';
COMMENT ON COLUMN campaign_exclusions.versions IS 'The versions it would have to run.';
CREATE INDEX campaign_exclusions_reason ON campaign_exclusions (campaign_id, reason, vehicle_id);
