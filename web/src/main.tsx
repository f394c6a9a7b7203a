import "@mantine/core/styles.css";
import "./styles/fonts.css";
import "./styles/global.css";

import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createQueryClient } from "./api/queries";
import { onSessionEnd } from "./api/session";
import { comingBackTo, router } from "./router";
import { cssVariables, theme } from "./theme";

const queryClient = createQueryClient();

onSessionEnd((reason) => {
  // What one person saw must not be there for the next.
  queryClient.clear();
  const search = reason === "refused" ? { ...comingBackTo(router.state.location.href), ended: reason } : {};
  void router.navigate({ to: "/sign-in", search, replace: reason === "refused" });
});

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
