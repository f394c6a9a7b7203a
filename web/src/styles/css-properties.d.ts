import "react";

declare module "react" {
  /** Components hand colours and shares to their style sheets as custom properties. */
  interface CSSProperties extends Record<`--${string}`, string | number | undefined> {}
}
