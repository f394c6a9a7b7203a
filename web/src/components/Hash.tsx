import page from "../pages/Page.module.css";
import { CopyButton } from "./CopyButton";

interface HashProps {
  value: string;
  /** What the button copies. */
  label: string;
  whole?: boolean;
  /** So many digits, where it is not shown as a whole. */
  digits?: number;
}

/** A SHA-256, in short or as a whole, with a button that copies all of it. */
export function Hash({ value, label, whole = false, digits = 16 }: HashProps) {
  return (
    <span className={page.hash} data-whole={whole}>
      <span title={value}>{whole ? value : `${value.slice(0, digits)}…`}</span>
      <CopyButton value={value} label={label} />
    </span>
  );
}
