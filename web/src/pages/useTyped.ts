import { useDebouncedCallback } from "@mantine/hooks";
import { useState } from "react";

const TYPING_MS = 300;

interface Typed<T> {
  typed: T;
  /** What is typed letter by letter counts a moment later, what is chosen at once. */
  type: (next: T) => void;
  choose: (next: T) => void;
}

/** A filter while it is being written; `apply` puts it into the URL. */
export function useTyped<T>(filter: T, apply: (next: T) => void): Typed<T> {
  const [typed, setTyped] = useState(filter);
  const later = useDebouncedCallback(apply, TYPING_MS);
  return {
    typed,
    type: (next) => {
      setTyped(next);
      later(next);
    },
    choose: (next) => {
      setTyped(next);
      apply(next);
    },
  };
}
