/**
 * The thin client: `simmer` as a shell script that does without a runtime where a server is there.
 *
 * @module
 */

import { THIN_FOLDER as THIN } from "../system/thin_place.ts";

/** A word as a POSIX shell takes it literally. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Tells a thin client from any other program of that name. */
export const MARK = "# simmer's thin client";

/**
 * The script.
 *
 * @param program the words that run simmer itself, for everything that the script leaves to it
 */
export function thinScript(program: readonly string[]): string {
  return `#!/bin/sh
${MARK}: it writes its process id into the named pipe of the project's server, which knows the rest
# from the kernel and writes the output itself. Everything else is left to simmer itself.

whole() { exec ${program.map(quoted).join(" ")} "$@"; }

# Another process may have the id of a server that is gone: they did not start at the same time. And
# one that is gone may still wait to be collected.
started() {
  case $1 in Z | X) return 1 ;; esac
  shift 19
  [ "$1" = "$_smr_begun" ]
}

alive() {
  read -r _smr_status 2>/dev/null <"/proc/$_smr_server/stat" || return 1
  started \${_smr_status##*) }
}

listen() {
  until read -r _smr_code <&4; do
    alive || { _smr_code=lost; return; }
  done
}

[ "\${1-}" = run ] || whole "$@"
[ -t 1 ] && whole "$@"
[ -t 2 ] && whole "$@"
for _smr_word; do
  case $_smr_word in
    --) break ;;
    --server* | --no-server* | --config* | --cwd* | --help* | --version*) whole "$@" ;;
    --*) ;;
    -*[chV]*) whole "$@" ;;
  esac
done

_smr_thin=$PWD
while [ ! -p "$_smr_thin/${THIN}/door" ]; do
  [ -n "$_smr_thin" ] || whole "$@"
  _smr_thin=\${_smr_thin%/*}
done
_smr_thin=$_smr_thin/${THIN}
read -r _smr_server _smr_begun 2>/dev/null <"$_smr_thin/server" || whole "$@"
alive || whole "$@"
mkfifo -m 600 "$_smr_thin/$$" 2>/dev/null || whole "$@"
# In a process of its own: the server must never see this one's stdout lead into the pipe.
tell() { (echo "$$$1" 1<>"$_smr_thin/door"); }
trap 'tell " SIGINT"' INT
trap 'tell " SIGTERM"' TERM
trap 'tell " SIGHUP"' HUP
_smr_code=
exec 3<&0
tell ""
until [ -n "$_smr_code" ]; do
  # A server that ended before it took this one has taken the pipe away.
  [ -p "$_smr_thin/$$" ] || { _smr_code=refused; break; }
  # A signal ends the wait for the server to open the pipe as well.
  listen 4<"$_smr_thin/$$" || alive || _smr_code=lost
done
case $_smr_code in
  refused)
    trap - INT TERM HUP
    exec 3<&-
    whole "$@"
    ;;
  lost)
    echo "simmer: the server ended, perhaps killed" >&2
    exit 3
    ;;
esac
exit "$_smr_code"
`;
}
