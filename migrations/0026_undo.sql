CREATE TABLE campaign_undos (
    campaign_id bigint NOT NULL REFERENCES campaigns,
    undone_by bigint NOT NULL REFERENCES campaigns,
    prepared_at timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, undone_by)
);
COMMENT ON TABLE campaign_undos IS 'Campaigns that were prepared to take another one back, each for the vehicles that ran the same before.';
COMMENT ON COLUMN campaign_undos.campaign_id IS 'The campaign that is taken back.';
COMMENT ON COLUMN campaign_undos.undone_by IS 'The campaign that does it.';
COMMENT ON COLUMN campaign_undos.prepared_at IS 'When.';
