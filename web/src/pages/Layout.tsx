import { ActionIcon, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { Link, Outlet } from "@tanstack/react-router";
import { endSession } from "../api/session";
import { LeaveIcon, MoonIcon, SunIcon } from "../components/icons";
import { LiveIndicator } from "../components/LiveIndicator";
import { Wordmark } from "../components/Wordmark";
import classes from "./Layout.module.css";

/** What stands around every page once somebody is signed in. */
export function Layout() {
  return (
    <>
      <a className="skip-link" href="#content">
        Skip to content
      </a>
      <header className={classes.header}>
        <div className={classes.inner}>
          <Link to="/" search={{}} className={classes.home} aria-label="Otaru: fleet">
            <Wordmark />
          </Link>
          <div className={classes.tools}>
            <LiveIndicator />
            <SchemeToggle />
            <Tooltip label="Sign out" withArrow>
              <ActionIcon
                variant="subtle"
                color="gray"
                size="lg"
                aria-label="Sign out"
                onClick={() => {
                  endSession("signed_out");
                }}
              >
                <LeaveIcon size={18} />
              </ActionIcon>
            </Tooltip>
          </div>
        </div>
      </header>
      <main id="content" className={classes.main} tabIndex={-1}>
        <Outlet />
      </main>
    </>
  );
}

export function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const other = useComputedColorScheme("light") === "dark" ? "light" : "dark";
  const label = other === "dark" ? "Dark colours" : "Light colours";
  return (
    <Tooltip label={label} withArrow>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={label}
        onClick={() => {
          setColorScheme(other);
        }}
      >
        {other === "dark" ? <MoonIcon size={18} /> : <SunIcon size={18} />}
      </ActionIcon>
    </Tooltip>
  );
}
