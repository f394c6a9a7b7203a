ALTER TABLE vehicle_reports ADD COLUMN ddi boolean;
COMMENT ON COLUMN vehicle_reports.ddi IS 'Whether the newest inventory came over DDI, whose clients evaluate no preconditions.';
CREATE INDEX vehicle_reports_ddi ON vehicle_reports (vehicle_id) WHERE ddi;
