import { useQuery } from "@tanstack/react-query";
import { releaseQuery } from "../api/queries";
import { text } from "../i18n";

/** A release by its name and version; by its number until that is known. */
export function ReleaseName({ id }: { id: number }) {
  const { data } = useQuery(releaseQuery(id));
  return <span>{data === undefined ? `${text().campaign.release} ${id}` : `${data.name} ${data.version}`}</span>;
}
