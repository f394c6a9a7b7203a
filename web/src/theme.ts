/** Otaru's look: the blue of a harbour, the warm light of its lamps for what needs attention. */

import { Alert, createTheme, Modal, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

const harbour: MantineColorsTuple = [
  "#e9f5f9",
  "#d2e8ef",
  "#a5d1df",
  "#74b9cf",
  "#4ba4bf",
  "#2d93b2",
  "#147c9a",
  "#0f6a86",
  "#0b566d",
  "#084356",
];

const dark: MantineColorsTuple = [
  "#d5dee8",
  "#b4c1cf",
  "#94a4b5",
  "#64758a",
  "#303e4d",
  "#222e3b",
  "#192430",
  "#151e28",
  "#0d141c",
  "#080d13",
];

export const theme = createTheme({
  primaryColor: "harbour",
  primaryShade: { light: 7, dark: 6 },
  colors: { harbour, dark },
  fontFamily: '"Inter Variable", system-ui, sans-serif',
  headings: { fontFamily: '"Inter Variable", system-ui, sans-serif', fontWeight: "650" },
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    // Coloured words on a tint of the same colour are hard to read.
    Alert: Alert.extend({ styles: { title: { color: "var(--mantine-color-text)" } } }),
    Modal: Modal.extend({ styles: { title: { fontSize: "var(--mantine-font-size-lg)", fontWeight: 620 } } }),
  },
});

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: { "--mantine-color-dimmed": "var(--otaru-quiet)", "--mantine-color-error": "var(--otaru-bad)", "--mantine-color-text": "#17212b" },
  dark: { "--mantine-color-dimmed": "var(--otaru-quiet)", "--mantine-color-error": "var(--otaru-bad)" },
});
