CREATE TABLE join_notices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id bigint NOT NULL,
    vehicle_id bigint NOT NULL,
    joined_at timestamptz NOT NULL
);
COMMENT ON TABLE join_notices IS 'Vehicles that joined a wave after its others were told over MQTT, and are to be told on their own. Whichever gateway tells one takes it from here; what nobody took within an hour is thrown away.';
COMMENT ON COLUMN join_notices.id IS 'In the order of writing.';
COMMENT ON COLUMN join_notices.campaign_id IS 'The campaign.';
COMMENT ON COLUMN join_notices.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN join_notices.joined_at IS 'When it was assigned.';
