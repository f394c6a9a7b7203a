ALTER TABLE releases ADD COLUMN installation text NOT NULL DEFAULT 'atomic' CHECK (installation IN ('atomic', 'ordered'));
COMMENT ON COLUMN releases.installation IS 'otaru_domain::release::Installation: all ECUs at once, or one after the other.';

ALTER TABLE release_images ADD COLUMN position integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN release_images.position IS 'Its place in the order, from 1; 0 where there is none.';
