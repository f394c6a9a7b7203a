CREATE TABLE campaign_forecasts (
    campaign_id bigint NOT NULL REFERENCES campaigns,
    made_at timestamptz NOT NULL,
    runs integer NOT NULL CHECK (runs >= 1),
    p10_at timestamptz,
    p50_at timestamptz,
    p90_at timestamptz,
    late_ratio double precision NOT NULL,
    false_halt_ratio double precision NOT NULL,
    measured_from bigint NOT NULL,
    PRIMARY KEY (campaign_id, made_at),
    CHECK (num_nulls(p10_at, p50_at, p90_at) IN (0, 3) AND p10_at <= p50_at AND p50_at <= p90_at)
);
COMMENT ON TABLE campaign_forecasts IS 'When running campaigns were expected to end. Whether that came true follows from their end, and is not kept.';
COMMENT ON COLUMN campaign_forecasts.campaign_id IS 'The campaign.';
COMMENT ON COLUMN campaign_forecasts.made_at IS 'When.';
COMMENT ON COLUMN campaign_forecasts.runs IS 'Runs of the rehearsal that it is drawn from.';
COMMENT ON COLUMN campaign_forecasts.p10_at IS 'One run in ten had ended by then; null when all runs halted.';
COMMENT ON COLUMN campaign_forecasts.p50_at IS 'Half of them had.';
COMMENT ON COLUMN campaign_forecasts.p90_at IS 'One in ten ended later.';
COMMENT ON COLUMN campaign_forecasts.late_ratio IS 'The share of the runs whose deadline came first.';
COMMENT ON COLUMN campaign_forecasts.false_halt_ratio IS 'The share of the runs that halted by themselves.';
COMMENT ON COLUMN campaign_forecasts.measured_from IS 'Vehicles of past campaigns that it was measured from; 0 when delays were assumed.';
