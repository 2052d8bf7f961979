/**
 * Lists the variables that a task gets although its `turbo.json` does not name them. They do not
 * count for its result.
 *
 * @module
 */

/** Variables of the system and of terminals that Turborepo passes on to every task. */
const OF_TURBOREPO: readonly string[] = [
  "HOME",
  "USER",
  "TZ",
  "LANG",
  "SHELL",
  "PWD",
  "EDITOR",
  "XDG_DATA_*",
  "XDG_RUNTIME_DIR",
  "XAUTHORITY",
  "DBUS_SESSION_BUS_ADDRESS",
  "CI",
  "NODE_OPTIONS",
  "COREPACK_*",
  "LD_LIBRARY_PATH",
  "DYLD_FALLBACK_LIBRARY_PATH",
  "LIBPATH",
  "LD_PRELOAD",
  "DYLD_INSERT_LIBRARIES",
  "COLORTERM",
  "TERM",
  "TERM_PROGRAM",
  "DISPLAY",
  "TMP",
  "TEMP",
  "TMPDIR",
  "FORCE_COLOR",
  "NO_COLOR",
  "VSCODE_*",
  "ELECTRON_RUN_AS_NODE",
  "DOCKER_*",
  "BUILDKIT_*",
  "COMPOSE_*",
  "JB_IDE_*",
  "JB_INTERPRETER",
  "_JETBRAINS_TEST_RUNNER_RUN_SCOPE_TYPE",
  "VERCEL",
  "VERCEL_*",
  "NEXT_*",
  "USE_OUTPUT_FOR_EDGE_FUNCTIONS",
  "NOW_BUILDER",
  "VC_MICROFRONTENDS_CONFIG_FILE_NAME",
  "GITHUB_*",
  "TURBO_*",
  "__NIXOS_*",
  "NIX_*",
  "PNPM_HOME",
  "pnpm_config_verify_deps_before_run",
  "NPM_CONFIG_STORE_DIR",
  "PATH",
];

/** Variables of the programs that run the task here, and of a run inside it. */
const OF_SIMMER: readonly string[] = ["SIMMER_*", "DENO_*", "INIT_CWD", "XDG_CACHE_HOME"];

/** All variables that are passed on. */
export const TURBO_VARIABLES: readonly string[] = [...OF_TURBOREPO, ...OF_SIMMER];
