CREATE TABLE triage_templates (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    template text NOT NULL,
    first_at timestamptz NOT NULL
);
COMMENT ON TABLE triage_templates IS 'What vehicles write when an update fails, with what differs between them taken out; otaru_domain::triage.';
COMMENT ON COLUMN triage_templates.id IS 'In the order in which they were found.';
COMMENT ON COLUMN triage_templates.template IS 'The words; <*> for one that differs.';
COMMENT ON COLUMN triage_templates.first_at IS 'When the first such failure was read.';

CREATE TABLE triage_labels (
    campaign_id bigint NOT NULL,
    vehicle_id bigint NOT NULL,
    attempt integer NOT NULL,
    template_id bigint NOT NULL,
    PRIMARY KEY (campaign_id, vehicle_id, attempt)
);
COMMENT ON TABLE triage_labels IS 'The template of each failed attempt; written by triage alone, and read by nothing that moves a campaign.';
COMMENT ON COLUMN triage_labels.campaign_id IS 'The campaign.';
COMMENT ON COLUMN triage_labels.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN triage_labels.attempt IS 'The attempt.';
COMMENT ON COLUMN triage_labels.template_id IS 'The template.';
