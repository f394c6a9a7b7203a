import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { may } from "../../api/session";
import { LockIcon } from "../../components/icons";
import { Notice } from "../../components/Notice";
import { text } from "../../i18n";
import { newDraft } from "../../plan/draft";
import { Create } from "./Create";
import { Form } from "./Form";

/** From a release to a campaign, step by step; nothing happens before the last one. */
export function Wizard() {
  const t = text().wizard;
  const { release } = useSearch({ from: "/signed-in/campaigns/new" });
  const [initial] = useState(() => newDraft(release, Date.now()));
  if (!may("engineer")) {
    return (
      <Notice page icon={<LockIcon size={26} />} title={t.title}>
        {text().common.forbidden}
      </Notice>
    );
  }
  return (
    <Form
      initial={initial}
      title={t.title}
      back={{ to: "/campaigns", label: text().campaigns.title }}
      end={(ending) => <Create {...ending} />}
    />
  );
}
