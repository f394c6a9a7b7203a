ALTER TABLE ack_history ADD COLUMN waiting_for jsonb;
COMMENT ON COLUMN ack_history.waiting_for IS 'otaru_domain::ack::VehicleWait: why the vehicle did not go on at that moment.';
