import { ActionIcon, Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { mayAct } from "../api/acts";
import { emergencyStopQuery } from "../api/queries";
import { text } from "../i18n";
import classes from "./EmergencyStop.module.css";
import { HaltIcon } from "./icons";
import { When } from "./When";

/** It is on every page, its question hardly ever: that is loaded when it is put. */
const Question = lazy(async () => ({
  default: (await import("../pages/emergency/EmergencyQuestion")).EmergencyQuestion,
}));

interface EmergencyStopButtonProps {
  /** Without words. */
  compact?: boolean;
}

/** Stops everything, after a question; gone while everything is stopped already. */
export function EmergencyStopButton({ compact = false }: EmergencyStopButtonProps) {
  const t = text().emergency;
  const [asking, setAsking] = useState(false);
  const { data: stop } = useQuery(emergencyStopQuery);
  if (!mayAct("stop") || stop?.stopped !== false) return null;
  const look = { variant: "default" as const, className: classes.outlined ?? "" };
  const ask = () => {
    setAsking(true);
  };
  return (
    <>
      {compact ? (
        <ActionIcon {...look} size="lg" aria-label={t.stop} onClick={ask}>
          <HaltIcon size={18} />
        </ActionIcon>
      ) : (
        <Button {...look} leftSection={<HaltIcon size={16} />} onClick={ask}>
          {t.stop}
        </Button>
      )}
      {asking && (
        <Suspense>
          <Question
            what="stop"
            close={() => {
              setAsking(false);
            }}
          />
        </Suspense>
      )}
    </>
  );
}

/** Says on every page that everything is stopped, since when and why; admins lift it here. */
export function EmergencyBanner() {
  const t = text().emergency;
  const [asking, setAsking] = useState(false);
  const { data: stop } = useQuery(emergencyStopQuery);
  if (stop?.stopped !== true) return null;
  return (
    <section className={classes.banner} role="alert" aria-label={t.inForce}>
      <HaltIcon size={22} />
      <div className={classes.words}>
        <strong>{t.inForce}:</strong> {t.banner}
        <span className={classes.why}>
          “{stop.reason}” · {t.by(stop.stopped_by ?? "?")}
          {stop.stopped_at != null && (
            <>
              , <When at={stop.stopped_at} />
            </>
          )}
        </span>
      </div>
      {mayAct("lift") && (
        <Button
          variant="white"
          color="red.9"
          size="xs"
          onClick={() => {
            setAsking(true);
          }}
        >
          {t.lift}
        </Button>
      )}
      {asking && (
        <Suspense>
          <Question
            what="lift"
            close={() => {
              setAsking(false);
            }}
          />
        </Suspense>
      )}
    </section>
  );
}
