import { dossierAddress } from "../api/evidence";
import { text } from "../i18n";
import page from "../pages/Page.module.css";

/** The dossier of a campaign or a vehicle, as a page to print and for programs. */
export function DossierLinks({ of }: { of: Parameters<typeof dossierAddress>[0] }) {
  const t = text().evidence;
  return (
    <span className={page.quiet}>
      {t.dossier}:{" "}
      <a href={dossierAddress(of, "html")} target="_blank" rel="noopener">
        {t.dossierPrint}
      </a>{" "}
      ·{" "}
      <a href={dossierAddress(of, "json")} target="_blank" rel="noopener">
        {t.dossierJson}
      </a>
    </span>
  );
}
