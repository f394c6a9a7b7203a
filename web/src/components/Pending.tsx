import { Skeleton, Stack } from "@mantine/core";
import { text } from "../i18n";
import { Failure } from "./Failure";

interface PendingProps {
  /** Why it could not be loaded; null while it still may be. */
  error: unknown;
  retry: () => void;
  /** About how many rows there will be. */
  rows?: number;
}

/** What stands where a part of a page is not loaded: rows to come, or why there are none. */
export function Pending({ error, retry, rows = 5 }: PendingProps) {
  return error === null ? <LoadingRows rows={rows} /> : <Failure error={error} retry={retry} />;
}

export function LoadingRows({ rows = 5 }: { rows?: number }) {
  return (
    <Stack gap="xs" role="group" aria-busy="true" aria-label={text().common.loading}>
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} h={38} />
      ))}
    </Stack>
  );
}
