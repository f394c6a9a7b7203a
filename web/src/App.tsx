import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode, useMemo, useState } from "react";
import { onSessionEnd } from "./api/session";
import { language, loadLanguage, rememberLanguage, type Language } from "./i18n";
import { LanguageContext } from "./i18n/context";
import { comingBackTo, router } from "./router";
import { cssVariables, theme } from "./theme";

const queryClient = router.options.context.queries;

onSessionEnd((reason) => {
  // What one person saw must not be there for the next.
  queryClient.clear();
  const search = reason === "refused" ? { ...comingBackTo(router.state.location.href), ended: reason } : {};
  void router.navigate({ to: "/sign-in", search, replace: reason === "refused" });
});

/** Everything. A change of the language draws it anew. */
export function App() {
  const [spoken, setSpoken] = useState(language());
  const languages = useMemo(
    () => ({
      language: spoken,
      change: async (chosen: Language) => {
        rememberLanguage(chosen);
        await loadLanguage(chosen);
        setSpoken(chosen);
      },
    }),
    [spoken],
  );
  return (
    <StrictMode>
      <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
        <LanguageContext value={languages}>
          <QueryClientProvider client={queryClient}>
            <RouterProvider key={spoken} router={router} />
          </QueryClientProvider>
        </LanguageContext>
      </MantineProvider>
    </StrictMode>
  );
}
