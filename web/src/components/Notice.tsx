import type { ReactNode } from "react";
import classes from "./Notice.module.css";

interface NoticeProps {
  icon: ReactNode;
  title: string;
  children: ReactNode;
  action?: ReactNode;
  /** Announced at once, for errors. */
  urgent?: boolean;
}

/** What stands where there is nothing to show: an empty list, a server that is away. */
export function Notice({ icon, title, children, action, urgent = false }: NoticeProps) {
  return (
    <div className={classes.notice} role={urgent ? "alert" : undefined}>
      <span className={classes.icon}>{icon}</span>
      <p className={classes.title}>{title}</p>
      <div className={classes.text}>{children}</div>
      {action}
    </div>
  );
}
