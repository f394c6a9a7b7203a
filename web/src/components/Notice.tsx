import type { ReactNode } from "react";
import classes from "./Notice.module.css";

interface NoticeProps {
  icon: ReactNode;
  title: string;
  children: ReactNode;
  action?: ReactNode;
  /** It is the whole page, not a part of one. */
  page?: boolean;
  /** Announced at once, for errors. */
  urgent?: boolean;
}

/** What stands where there is nothing to show: an empty list, a server that is away. */
export function Notice({ icon, title, children, action, page = false, urgent = false }: NoticeProps) {
  const Title = page ? "h1" : "p";
  return (
    <div className={classes.notice} role={urgent ? "alert" : undefined}>
      <span className={classes.icon}>{icon}</span>
      <Title className={classes.title}>{title}</Title>
      <div className={classes.text}>{children}</div>
      {action}
    </div>
  );
}
