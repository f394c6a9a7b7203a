CREATE VIEW metadata_expiries AS
(SELECT DISTINCT ON (model_id) model_id, 'root' AS role,
        (convert_from(bytes, 'UTF8')::jsonb #>> '{signed,expires}')::timestamptz AS expires_at, false AS waiting
   FROM manifest_roots ORDER BY model_id, version DESC)
UNION ALL
SELECT model_id, role, expires_at, false FROM manifest_files
UNION ALL
SELECT model_id, 'targets', expires_at, true FROM manifest_pending
UNION ALL
SELECT model_id, 'root', (convert_from(root, 'UTF8')::jsonb #>> '{signed,expires}')::timestamptz, true
  FROM manifest_pending WHERE root IS NOT NULL;
COMMENT ON VIEW metadata_expiries IS 'When each model''s newest metadata expires, and what waits for a signature.';
COMMENT ON COLUMN metadata_expiries.model_id IS 'The model.';
COMMENT ON COLUMN metadata_expiries.role IS 'The TUF role.';
COMMENT ON COLUMN metadata_expiries.expires_at IS 'When clients stop taking it.';
COMMENT ON COLUMN metadata_expiries.waiting IS 'Whether it is not published but waits for an approver''s signature.';
