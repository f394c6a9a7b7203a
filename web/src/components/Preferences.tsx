import { ActionIcon, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { use } from "react";
import { LANGUAGES, text } from "../i18n";
import { LanguageContext } from "../i18n/context";
import { MoonIcon, SunIcon } from "./icons";
import classes from "./Preferences.module.css";

export function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const other = useComputedColorScheme("light") === "dark" ? "light" : "dark";
  const label = other === "dark" ? text().layout.dark : text().layout.light;
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

/** To the other language, named in itself. */
export function LanguageToggle() {
  const { language, change } = use(LanguageContext);
  const other = language === "en" ? "de" : "en";
  return (
    <Tooltip label={LANGUAGES[other]} withArrow>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={`${other.toUpperCase()}, ${text().layout.language}: ${LANGUAGES[other]}`}
        onClick={() => void change(other)}
      >
        <span lang={other} className={classes.language}>
          {other.toUpperCase()}
        </span>
      </ActionIcon>
    </Tooltip>
  );
}
