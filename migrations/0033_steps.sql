CREATE TABLE campaign_steps (
    campaign_id bigint NOT NULL REFERENCES campaigns,
    step_campaign_id bigint NOT NULL REFERENCES campaigns,
    prepared_at timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, step_campaign_id)
);
COMMENT ON TABLE campaign_steps IS 'Campaigns that were prepared to bring vehicles to what another one requires.';
COMMENT ON COLUMN campaign_steps.campaign_id IS 'The campaign that requires it.';
COMMENT ON COLUMN campaign_steps.step_campaign_id IS 'The campaign that brings them there.';
COMMENT ON COLUMN campaign_steps.prepared_at IS 'When.';
