import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { BackIcon } from "./icons";
import classes from "./PageHeader.module.css";
import { useTitle } from "./useTitle";

/** The page that another one belongs to. */
export type Back =
  | { to: "/campaigns" | "/releases" | "/vehicles" | "/groups" | "/models" | "/rxswins"; label: string }
  | { to: "/campaigns/$id"; params: { id: number }; label: string };

interface PageHeaderProps {
  title: string;
  /** Beside the title, such as a state. */
  badge?: ReactNode;
  /** Below it. */
  lead?: ReactNode;
  /** What may be done, on the right. */
  actions?: ReactNode;
  /** The page it belongs to. */
  back?: Back;
  /** The title is an identifier, such as a VIN. */
  code?: boolean;
}

/** What a page is about, and what may be done there. */
export function PageHeader({ title, badge, lead, actions, back, code = false }: PageHeaderProps) {
  useTitle(title);
  return (
    <header className={classes.header}>
      {back?.to === "/campaigns/$id" ? (
        <Link to={back.to} params={back.params} search={{}} className={classes.back}>
          <BackIcon size={16} /> {back.label}
        </Link>
      ) : (
        back && (
          <Link to={back.to} className={classes.back}>
            <BackIcon size={16} /> {back.label}
          </Link>
        )
      )}
      <div className={classes.top}>
        <div className={classes.words}>
          <div className={classes.heading}>
            <h1 className={classes.title} data-code={code}>
              {title}
            </h1>
            {badge}
          </div>
          {lead != null && <div className={classes.lead}>{lead}</div>}
        </div>
        {actions}
      </div>
    </header>
  );
}
