import { Button, Input } from "@mantine/core";
import { useId, useLayoutEffect, useRef, useState, type KeyboardEvent } from "react";
import { text } from "../i18n";
import { completions, indexOfByte, placeOf, tokens } from "../rollout/expression";
import classes from "./CelEditor.module.css";

export interface ExpressionFault {
  message: string;
  /** The byte at fault. */
  position: number | undefined;
}

/** So many fields have a button. */
const OFFERED = 8;

interface CelEditorProps {
  label: string;
  description?: string;
  value: string;
  change: (value: string) => void;
  fault?: ExpressionFault | undefined;
  /** What may be asked about, and is offered. */
  fields?: readonly string[];
}

/** A text field for CEL: coloured, with the place of an error, and with completion. */
export function CelEditor({ label, description, value, change, fault, fields }: CelEditorProps) {
  const t = text().wizard;
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const [caret, setCaret] = useState<number>();
  const [chosen, setChosen] = useState(0);
  /** Where the caret belongs once what was inserted is there. */
  const goTo = useRef<number>(undefined);
  useLayoutEffect(() => {
    if (goTo.current === undefined) return;
    area.current?.focus();
    area.current?.setSelectionRange(goTo.current, goTo.current);
    goTo.current = undefined;
  }, [value]);
  const offered = fields && caret !== undefined ? completions(value, caret, fields) : { from: 0, fields: [] };
  const at = fault?.position === undefined ? undefined : indexOfByte(value, fault.position);

  function insert(field: string, from: number, to: number): void {
    const next = value.slice(0, from) + field + value.slice(to);
    change(next);
    const inside = field.endsWith("()") ? 1 : 0;
    goTo.current = from + field.length - inside;
    setCaret(undefined);
  }

  function onKeyDown(event: KeyboardEvent): void {
    const { from, fields: found } = offered;
    if (found.length === 0) return;
    const pick = found[Math.min(chosen, found.length - 1)];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setChosen((chosen + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length);
    } else if (event.key === "Enter" && pick !== undefined && caret !== undefined) {
      event.preventDefault();
      insert(pick, from, caret);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      setCaret(undefined);
    }
  }

  const place = at === undefined ? undefined : placeOf(value, at);
  return (
    <Input.Wrapper
      id={id}
      label={label}
      description={description}
      error={
        fault && (
          <>
            {place && <strong>{t.errorAt(place.line, place.column)}: </strong>}
            {fault.message}
          </>
        )
      }
    >
      <div className={classes.frame} data-error={fault !== undefined}>
        <pre className={classes.shown} aria-hidden="true">
          <Coloured source={value} at={at} />
          {"\n"}
        </pre>
        <textarea
          ref={area}
          id={id}
          className={classes.area}
          value={value}
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          maxLength={4096}
          rows={1}
          aria-invalid={fault !== undefined}
          aria-describedby={fault && `${id}-error`}
          {...(fields
            ? {
                role: "combobox",
                "aria-autocomplete": "list" as const,
                "aria-expanded": offered.fields.length > 0,
                "aria-controls": `${id}-fields`,
                "aria-activedescendant": offered.fields.length > 0 ? `${id}-${chosen}` : undefined,
              }
            : {})}
          onKeyDown={onKeyDown}
          onBlur={() => {
            setCaret(undefined);
          }}
          onChange={(event) => {
            change(event.currentTarget.value);
            setCaret(event.currentTarget.selectionStart);
            setChosen(0);
          }}
        />
        <ul id={`${id}-fields`} role="listbox" aria-label={t.fields} className={classes.offered} hidden={offered.fields.length === 0}>
          {offered.fields.map((field, index) => (
            <li
              key={field}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === chosen}
              onPointerDown={(event) => {
                event.preventDefault();
                insert(field, offered.from, caret ?? value.length);
              }}
            >
              {field}
            </li>
          ))}
        </ul>
      </div>
      {fields && (
        <div className={classes.fields}>
          <span>{t.fields}</span>
          {fields.slice(0, OFFERED).map((field) => (
            <Button
              key={field}
              size="compact-xs"
              variant="default"
              onClick={() => {
                const to = area.current?.selectionEnd ?? value.length;
                insert(field, area.current?.selectionStart ?? to, to);
              }}
            >
              <code>{field}</code>
            </Button>
          ))}
        </div>
      )}
    </Input.Wrapper>
  );
}

/** The expression in colours; the word at fault is underlined. */
function Coloured({ source, at }: { source: string; at: number | undefined }) {
  const parts = tokens(source);
  const atEnd = at !== undefined && at >= source.length;
  return (
    <>
      {parts.map((token) => (
        <span
          key={token.at}
          data-kind={token.kind}
          data-fault={at !== undefined && at >= token.at && at < token.at + token.text.length}
        >
          {token.text}
        </span>
      ))}
      {atEnd && <span data-fault> </span>}
    </>
  );
}
