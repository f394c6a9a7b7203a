import page from "../pages/Page.module.css";
import { CopyButton } from "./CopyButton";

const SHOWN = 16;

/** A SHA-256, in short or as a whole, with a button that copies all of it. */
export function Hash({ value, label, whole = false }: { value: string; label: string; whole?: boolean }) {
  return (
    <span className={page.hash} data-whole={whole}>
      <span title={value}>{whole ? value : `${value.slice(0, SHOWN)}…`}</span>
      <CopyButton value={value} label={label} />
    </span>
  );
}
