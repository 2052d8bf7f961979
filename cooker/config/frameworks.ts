/**
 * Lists the variables that frameworks read at build time, by the packages that a project depends
 * on. These are the frameworks that Turborepo knows.
 *
 * @module
 */

interface Framework {
  /** Packages of which a project must have all, or one. */
  readonly all?: readonly string[];
  readonly some?: readonly string[];
  /** Patterns of the variables. */
  readonly variables: readonly string[];
}

const HOSTS = [
  "AWS_APP_ID",
  "INPUT_AZURE_STATIC_WEB_APPS_API_TOKEN",
  "CLEAVR",
  "CF_PAGES",
  "FIREBASE_APP_HOSTING",
  "NETLIFY",
  "STORMKIT",
  "NOW_BUILDER",
  "ZEABUR",
  "RENDER",
] as const;

const FRAMEWORKS: readonly Framework[] = [
  { all: ["astro"], variables: ["PUBLIC_*"] },
  { all: ["blitz"], variables: ["NEXT_PUBLIC_*"] },
  { some: ["react-scripts", "react-dev-utils"], variables: ["REACT_APP_*"] },
  { all: ["expo"], variables: ["EXPO_PUBLIC_*"] },
  { all: ["gatsby"], variables: ["GATSBY_*"] },
  // The deployment's id counts only if the skew protection is on. Counting it always is safe.
  { all: ["next"], variables: ["NEXT_PUBLIC_*", "NEXT_DEPLOYMENT_ID", "VERCEL_DEPLOYMENT_ID"] },
  {
    some: ["nitropack", "nitropack-nightly", "nitro", "nitro-nightly"],
    variables: ["NITRO_*", "SERVER_*", ...HOSTS],
  },
  {
    some: ["nuxt", "nuxt-edge", "nuxt3", "nuxt3-edge"],
    variables: ["NUXT_*", "NUXT_ENV_*", "NITRO_*", "SERVER_*", ...HOSTS, "LAUNCH_EDITOR"],
  },
  { all: ["@redwoodjs/core"], variables: ["REDWOOD_ENV_*"] },
  {
    some: ["@remix-run/dev", "@remix-run/react", "@remix-run/serve"],
    variables: ["REMIX_*"],
  },
  { all: ["@sanity/cli"], variables: ["SANITY_STUDIO_*"] },
  { all: ["solid-js", "solid-start"], variables: ["VITE_*"] },
  { all: ["@sveltejs/kit"], variables: ["VITE_*", "PUBLIC_*"] },
  { all: ["vite"], variables: ["VITE_*"] },
  { all: ["@vue/cli-service"], variables: ["VUE_APP_*", "LAUNCH_EDITOR"] },
];

/**
 * Returns the patterns of the variables that the frameworks of a package read at build time.
 *
 * @param dependencies names of the packages that it depends on
 */
export function frameworkVariables(dependencies: ReadonlySet<string>): string[] {
  const found = FRAMEWORKS.filter(({ all = [], some }) =>
    all.every((name) => dependencies.has(name)) &&
    (some === undefined || some.some((name) => dependencies.has(name)))
  );
  return [...new Set(found.flatMap(({ variables }) => variables))];
}
