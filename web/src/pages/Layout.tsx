import { ActionIcon, Drawer, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { signOut } from "../api/client";
import { fleetQuery } from "../api/queries";
import { currentSession, endSession } from "../api/session";
import { EmergencyBanner, EmergencyStopButton } from "../components/EmergencyStop";
import {
  BookIcon,
  BoxIcon,
  CarIcon,
  CarsIcon,
  ChipIcon,
  HomeIcon,
  KeyIcon,
  LeaveIcon,
  LetterIcon,
  LogIcon,
  MenuIcon,
  StampIcon,
  WavesIcon,
} from "../components/icons";
import { LiveIndicator } from "../components/LiveIndicator";
import { LanguageToggle, SchemeToggle } from "../components/Preferences";
import { Wordmark } from "../components/Wordmark";
import { formatCount } from "../format/number";
import { text } from "../i18n";
import { useLive } from "../live/useLive";
import classes from "./Layout.module.css";

/** What stands around every page once somebody is signed in, and the one stream that keeps them all live. */
export function Layout() {
  useLive();
  const t = text().layout;
  const [open, setOpen] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const [shownFor, setShownFor] = useState(path);
  if (shownFor !== path) {
    // Whoever follows a link of the menu wants to see where it leads.
    setShownFor(path);
    setOpen(false);
  }
  return (
    <div className={classes.frame}>
      <a className="skip-link" href="#content">
        {t.skip}
      </a>
      <header className={classes.topBar}>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={t.menu}
          aria-expanded={open}
          onClick={() => {
            setOpen(true);
          }}
        >
          <MenuIcon size={20} />
        </ActionIcon>
        <Home />
        <LiveIndicator />
        <EmergencyStopButton compact />
      </header>
      <aside className={classes.side}>
        <Side />
      </aside>
      <Drawer
        opened={open}
        onClose={() => {
          setOpen(false);
        }}
        size="17rem"
        title={<Wordmark />}
        closeButtonProps={{ "aria-label": t.close }}
        classNames={{ body: classes.drawer ?? "" }}
      >
        <Side inDrawer />
      </Drawer>
      <div className={classes.content}>
        <EmergencyBanner />
        <main id="content" className={classes.main} tabIndex={-1}>
          <Outlet />
        </main>
      </div>
    </div>
  );
}

function Home() {
  return (
    <Link to="/" className={classes.home} aria-label={`Otaru: ${text().layout.fleet}`}>
      <Wordmark />
    </Link>
  );
}

function Side({ inDrawer = false }: { inDrawer?: boolean }) {
  const t = text().layout;
  const { data: fleet } = useQuery(fleetQuery);
  const letters = fleet?.dead_letters ?? 0;
  const halted = fleet?.campaigns.halted ?? 0;
  return (
    <div className={classes.sideInner}>
      {!inDrawer && (
        <div className={classes.sideHead}>
          <Home />
        </div>
      )}
      <nav aria-label={t.navigation} className={classes.nav}>
        <NavLink to="/" exact icon={<HomeIcon size={18} />} label={t.fleet} />
        <NavLink to="/campaigns" icon={<WavesIcon size={18} />} label={t.campaigns} count={halted} />
        <NavLink to="/releases" icon={<BoxIcon size={18} />} label={t.releases} />
        <NavLink to="/vehicles" icon={<CarIcon size={18} />} label={t.vehicles} />
        <NavLink to="/groups" icon={<CarsIcon size={18} />} label={t.groups} />
        <NavLink to="/models" icon={<ChipIcon size={18} />} label={t.models} />
        <NavLink to="/dead-letters" icon={<LetterIcon size={18} />} label={t.deadLetters} count={letters} />
        <NavLink to="/rxswins" icon={<StampIcon size={18} />} label={t.rxswins} />
        <NavLink to="/audit" icon={<LogIcon size={18} />} label={t.audit} />
        <NavLink to="/access" icon={<KeyIcon size={18} />} label={t.access} />
        <a className={classes.link} href="/api/docs/">
          <BookIcon size={18} />
          <span>{t.api}</span>
        </a>
      </nav>
      <div className={classes.foot}>
        {!inDrawer && <LiveIndicator />}
        <EmergencyStopButton />
        <SignedIn />
      </div>
    </div>
  );
}

interface NavLinkProps {
  to:
    | "/"
    | "/campaigns"
    | "/releases"
    | "/vehicles"
    | "/groups"
    | "/models"
    | "/dead-letters"
    | "/rxswins"
    | "/audit"
    | "/access";
  exact?: boolean;
  icon: ReactNode;
  label: string;
  /** What waits for somebody there. */
  count?: number;
}

function NavLink({ to, exact = false, icon, label, count = 0 }: NavLinkProps) {
  return (
    <Link to={to} className={classes.link} activeOptions={{ exact }} activeProps={{ "data-active": true }}>
      {icon}
      <span>{label}</span>
      {count > 0 && <span className={classes.count}>{formatCount(count)}</span>}
    </Link>
  );
}

function SignedIn() {
  const t = text().layout;
  const session = currentSession();
  return (
    <div className={classes.signedIn}>
      {session != null && (
        <div className={classes.who}>
          <strong title={session.name}>{session.display_name ?? session.name}</strong>
          <span>{text().roles[session.role]}</span>
        </div>
      )}
      <div className={classes.tools}>
        <LanguageToggle />
        <SchemeToggle />
        <Tooltip label={t.signOut} withArrow>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={t.signOut}
            onClick={() => {
              // Whatever the server says, this page forgets who was here.
              void signOut().finally(() => {
                endSession("signed_out");
              });
            }}
          >
            <LeaveIcon size={18} />
          </ActionIcon>
        </Tooltip>
      </div>
    </div>
  );
}
