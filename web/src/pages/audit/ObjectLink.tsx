import { Link } from "@tanstack/react-router";
import { text } from "../../i18n";
import { objectOf } from "./object";

/** What an entry is about, as a way to its page where it has one. */
export function ObjectLink({ object }: { object: string }) {
  const { kind, id } = objectOf(object);
  const named = kind === undefined ? object : [text().audit.objects[kind], shortened(id)].join(" ").trim();
  const number = Number(id);
  switch (kind) {
    case "campaign":
      return (
        <Link to="/campaigns/$id" params={{ id: number }} search={{}}>
          {named}
        </Link>
      );
    case "release":
      return (
        <Link to="/releases/$id" params={{ id: number }}>
          {named}
        </Link>
      );
    case "model":
      return (
        <Link to="/models/$model" params={{ model: id }}>
          {named}
        </Link>
      );
    case "group":
      return (
        <Link to="/groups/$group" params={{ group: id }}>
          {named}
        </Link>
      );
    case "token":
      return <Link to="/access">{named}</Link>;
    case "dead-letter":
      return <Link to="/dead-letters">{named}</Link>;
    case "fleet":
    case "emergency-stop":
      return <Link to="/">{named}</Link>;
    case "vehicle":
      // By its row, which outlives an erased VIN; what else was done with it is all there is to show.
      return (
        <Link to="/audit" search={{ object }}>
          {named}
        </Link>
      );
    default:
      return <span title={object}>{named}</span>;
  }
}

/** Hashes and UUIDs are long, and what is behind the link shows them. */
function shortened(id: string): string {
  return id.length > 20 ? `${id.slice(0, 12)}…` : id;
}
