import { Tooltip } from "@mantine/core";
import { formatAbsolute, formatRelative } from "../format/time";
import { useNow } from "./useNow";

/** A time relative to now; the absolute one, in the viewer's zone, on hover or touch. */
export function When({ at }: { at: string }) {
  const now = useNow();
  const time = Date.parse(at);
  return (
    <Tooltip label={formatAbsolute(time)} events={{ hover: true, focus: true, touch: true }} withArrow>
      <time dateTime={at}>{formatRelative(time, now)}</time>
    </Tooltip>
  );
}
