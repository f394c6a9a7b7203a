ALTER TABLE api_tokens ADD COLUMN models text[];
ALTER TABLE api_tokens ADD COLUMN calls text[];
COMMENT ON COLUMN api_tokens.models IS 'The models it may change things of; null for all.';
COMMENT ON COLUMN api_tokens.calls IS 'The kinds of calls it may make, by the first part of their path; null for all.';
