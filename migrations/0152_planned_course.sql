ALTER TABLE campaign_forecasts ADD COLUMN milestones jsonb;
COMMENT ON COLUMN campaign_forecasts.milestones IS 'When which share of the vehicles was expected to have reached an end; of a campaign''s first forecast alone, which is its plan.';
