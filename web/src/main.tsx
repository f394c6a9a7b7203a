import "./styles/mantine";
import "./styles/fonts.css";
import "./styles/global.css";

import { createRoot } from "react-dom/client";
import { App } from "./App";
import { loadLanguage, preferredLanguage } from "./i18n";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
await loadLanguage(preferredLanguage());
createRoot(root).render(<App />);
