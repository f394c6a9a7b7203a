CREATE TABLE wave_notices (
    model text NOT NULL,
    campaign_id bigint NOT NULL,
    wave integer NOT NULL,
    claimed_at timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, wave, model)
);
COMMENT ON TABLE wave_notices IS 'Open waves whose vehicles on an MQTT broker are told to poll. Only so that not every gateway tells them; nothing depends on it.';
COMMENT ON COLUMN wave_notices.model IS 'The model among whose vehicles they are.';
COMMENT ON COLUMN wave_notices.campaign_id IS 'The campaign.';
COMMENT ON COLUMN wave_notices.wave IS 'Its wave, 1 for the first.';
COMMENT ON COLUMN wave_notices.claimed_at IS 'When a gateway undertook to tell them.';
