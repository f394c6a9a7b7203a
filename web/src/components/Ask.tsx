import { TextInput } from "@mantine/core";
import { useMutation, useQueryClient, type QueryKey } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { text } from "../i18n";
import { Confirm } from "./Confirm";

/** The most that the API takes; what is longer in bytes it refuses itself. */
const MOST = 500;

interface AskProps<T> {
  title: string;
  /** What will happen, a sentence each. */
  effects: readonly string[];
  confirm: string;
  /** It cannot be undone, or touches everything. */
  final?: boolean;
  back?: string;
  /** Whether what is asked for beside the reason is there. */
  ready?: boolean;
  /** Whether people are asked why; where it is needed, nothing is sent without it. */
  reason?: "none" | "optional" | "needed";
  /** For whom the reason is. */
  reasonHint?: string;
  run: (reason: string) => Promise<T>;
  /** What is asked anew afterwards, also when it was refused: what was on the screen was then out of date. */
  touched: readonly QueryKey[];
  close: () => void;
  done?: (result: T) => void;
  failed?: (error: Error) => void;
  /** Between the effects and the reason. */
  children?: ReactNode;
}

/** Asks before something is done, for a reason where one is kept, does it, and has the page follow. */
export function Ask<T>(props: AskProps<T>) {
  const { reason = "optional", ready = true, run, touched, close, done, failed, children, reasonHint, ...said } = props;
  const client = useQueryClient();
  const [words, setWords] = useState("");
  const sending = useMutation({
    mutationFn: () => run(words.trim()),
    onSuccess: (result) => {
      close();
      done?.(result);
    },
    onError: (error) => failed?.(error),
    onSettled: () => Promise.all(touched.map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
  const hint = reasonHint ?? (reason === "needed" ? text().commands.reasonNeeded : text().commands.reasonHint);
  return (
    <Confirm
      {...said}
      ready={ready && (reason !== "needed" || words.trim() !== "")}
      busy={sending.isPending}
      error={sending.error}
      close={close}
      submit={() => {
        sending.mutate();
      }}
    >
      {children}
      {reason !== "none" && (
        <TextInput
          label={text().commands.reason}
          description={hint}
          value={words}
          maxLength={MOST}
          data-autofocus
          onChange={(event) => {
            setWords(event.currentTarget.value);
          }}
        />
      )}
    </Confirm>
  );
}
