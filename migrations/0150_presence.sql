CREATE TABLE vehicle_presence (
    vehicle_id bigint PRIMARY KEY REFERENCES vehicles (id),
    heard_at timestamptz NOT NULL,
    online_until timestamptz NOT NULL
) WITH (fillfactor = 80);
COMMENT ON TABLE vehicle_presence IS 'When a gateway last heard each vehicle, and how long it counts as online for that. Without an index on what changes with every poll.';
COMMENT ON COLUMN vehicle_presence.vehicle_id IS 'The vehicle.';
COMMENT ON COLUMN vehicle_presence.heard_at IS 'When any gateway last heard it: a request of its own, a report over MQTT, or a stream that was open.';
COMMENT ON COLUMN vehicle_presence.online_until IS 'Three poll intervals of that gateway later, rounded up to half a minute; it is online before that.';

CREATE TABLE presence_counters (
    model_id text NOT NULL,
    online_until timestamptz NOT NULL,
    vehicles bigint NOT NULL,
    noted_at timestamptz NOT NULL,
    PRIMARY KEY (model_id, online_until)
) WITH (fillfactor = 80);
COMMENT ON TABLE presence_counters IS 'How many vehicles of a model are online until when, moved with vehicle_presence: the sum over those that lie ahead is how many are online.';
COMMENT ON COLUMN presence_counters.model_id IS 'The model.';
COMMENT ON COLUMN presence_counters.online_until IS 'As in vehicle_presence.';
COMMENT ON COLUMN presence_counters.vehicles IS 'How many vehicles of the model have this time.';
COMMENT ON COLUMN presence_counters.noted_at IS 'When a gateway last moved it.';
