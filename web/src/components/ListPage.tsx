import { Button, Stack } from "@mantine/core";
import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Page } from "../api/model";
import { text } from "../i18n";
import { Pending } from "./Pending";

interface ListPageProps<T> {
  query: UseInfiniteQueryResult<InfiniteData<Page<T>>>;
  /** What stands there when there is nothing to list. */
  empty: ReactNode;
  children: (items: readonly T[]) => ReactNode;
}

/** A list in pages: while it loads, when it cannot be loaded, when it is empty, and with a way to its next page. */
export function ListPage<T>({ query, empty, children }: ListPageProps<T>) {
  if (query.data === undefined) return <Pending error={query.error} retry={() => void query.refetch()} />;
  const items = query.data.pages.flatMap((page) => page.items);
  if (items.length === 0) return empty;
  return (
    <Stack gap="sm">
      {children(items)}
      {query.hasNextPage && (
        <Button
          variant="default"
          size="xs"
          style={{ alignSelf: "center" }}
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          {text().common.more}
        </Button>
      )}
    </Stack>
  );
}
