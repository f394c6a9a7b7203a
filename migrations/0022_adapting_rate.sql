ALTER TABLE campaign_pace
    ADD COLUMN per_minute bigint CHECK (per_minute >= 1),
    ADD COLUMN adapted_at timestamptz,
    ADD COLUMN reason jsonb,
    ADD COLUMN seen_finished bigint NOT NULL DEFAULT 0,
    ADD COLUMN seen_failed bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN campaign_pace.per_minute IS 'The rate that an adapting campaign has now; null before the first look, and for those that do not adapt.';
COMMENT ON COLUMN campaign_pace.adapted_at IS 'When it was last looked at.';
COMMENT ON COLUMN campaign_pace.reason IS 'otaru_domain::rollout::PaceReason: why it is what it is.';
COMMENT ON COLUMN campaign_pace.seen_finished IS 'Ends there were at the last look.';
COMMENT ON COLUMN campaign_pace.seen_failed IS 'Failures among them.';
