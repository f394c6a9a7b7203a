import { Alert, Button, Group, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { verifyAudit } from "../../api/evidence";
import type { AuditVerification } from "../../api/model";
import { Refused } from "../../components/Confirm";
import { formatCount } from "../../format/number";
import { text } from "../../i18n";
import page from "../Page.module.css";
import classes from "./Audit.module.css";

/** Has the service walk the whole chain, against a digest that was kept elsewhere if there is one. */
export function Verify() {
  const t = text().chain;
  const [anchor, setAnchor] = useState("");
  const checking = useMutation({ mutationFn: () => verifyAudit(anchor.trim()) });
  return (
    <form
      className={classes.verify}
      onSubmit={(event) => {
        event.preventDefault();
        checking.mutate();
      }}
    >
      <Group align="flex-end" gap="sm">
        <TextInput
          size="xs"
          className={classes.anchor ?? ""}
          label={`${t.anchor} (${text().common.optional})`}
          description={t.anchorHint}
          placeholder="41:9f86d081…"
          value={anchor}
          maxLength={90}
          spellCheck={false}
          onChange={(event) => {
            setAnchor(event.currentTarget.value);
            checking.reset();
          }}
        />
        <Button size="xs" type="submit" variant="light" loading={checking.isPending}>
          {t.check}
        </Button>
      </Group>
      <Refused error={checking.error} />
      {checking.data && <Found found={checking.data} />}
    </form>
  );
}

function Found({ found }: { found: AuditVerification }) {
  const t = text().chain;
  return (
    <>
      <Alert color={found.holds ? "green" : "red"} variant="light" role="status" title={found.holds ? t.holds(formatCount(found.entries)) : t.broken(formatCount(found.first_broken ?? 0))}>
        {found.reason ?? found.digest}
      </Alert>
      <p className={page.quiet}>{t.served}</p>
    </>
  );
}
