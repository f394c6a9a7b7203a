CREATE TABLE campaign_reviews (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id bigint NOT NULL REFERENCES campaigns,
    verdict text NOT NULL CHECK (verdict IN ('submitted', 'approved', 'rejected', 'voided')),
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    by text NOT NULL,
    at timestamptz NOT NULL,
    reason text
);
COMMENT ON TABLE campaign_reviews IS 'The steps of campaigns'' reviews; the newest of a campaign counts.';
COMMENT ON COLUMN campaign_reviews.id IS 'Their order.';
COMMENT ON COLUMN campaign_reviews.campaign_id IS 'The campaign.';
COMMENT ON COLUMN campaign_reviews.verdict IS 'otaru_domain::review::Verdict.';
COMMENT ON COLUMN campaign_reviews.digest IS 'Of the content it is about; an approval of another content is none.';
COMMENT ON COLUMN campaign_reviews.by IS 'The actor.';
COMMENT ON COLUMN campaign_reviews.at IS 'When.';
COMMENT ON COLUMN campaign_reviews.reason IS 'Why, in words.';
CREATE INDEX campaign_reviews_campaign ON campaign_reviews (campaign_id, id);

ALTER TABLE campaigns ADD COLUMN changed_by text;
ALTER TABLE campaigns ADD COLUMN changed_at timestamptz;
COMMENT ON COLUMN campaigns.changed_by IS 'The actor who last changed what it is; null when it is as it was created.';
COMMENT ON COLUMN campaigns.changed_at IS 'When.';

ALTER TABLE models ADD COLUMN review_required boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN models.review_required IS 'Whether campaigns for it need another person''s approval before they start.';
