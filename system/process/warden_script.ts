/**
 * The shell script that the warden process runs, for any POSIX shell. See `warden.ts`.
 *
 * @module
 */

/**
 * Reads `+ PGID` and `- PGID` lines that add and remove process groups, and `# TAG` and `~ TAG`
 * lines that add and remove tags. At the end of its input it sends SIGTERM to the remaining groups
 * and to processes outside of them that carry a tag, and SIGCONT, because a suspended process does
 * not get SIGTERM before it continues. It sends SIGKILL 5 s later. It ignores
 * SIGHUP, SIGINT and SIGTERM, so that it survives the signals that end other processes around it.
 *
 * `? FOLDER` announces that a process without a tag is about to be started in that folder. It is
 * valid until a `+` or a `!` follows. If the input ends first, the script looks for that process.
 * When the server has ended, the kernel gives its children the same new parent as the warden. The
 * process is therefore a child of that parent, has the announced working directory and is not older
 * than two seconds.
 */
export const WARDEN_SCRIPT = `
trap '' HUP INT TERM
if [ -n "$1" ]; then exec < "$1" || exit; fi
echo ready
groups=' '
tags=' '
without() {
  case $1 in
    *" $2 "*) rest="\${1%% $2 *} \${1#* $2 }" ;;
    *) rest=$1 ;;
  esac
}
is_number() {
  case $1 in '' | *[!0-9]*) false ;; *) [ "$1" -gt 1 ] ;; esac
}
while read -r sign what; do
  case $sign in
    [?]) expected=$what ;;
    '!') expected= ;;
    *) is_number "$what" || continue ;;
  esac
  case $sign in
    +) groups="$groups$what " expected= ;;
    -) without "$groups" "$what"; groups=$rest ;;
    [#]) tags="$tags$what " ;;
    [~]) without "$tags" "$what"; tags=$rest ;;
  esac
done
state() {
  read -r line 2>/dev/null < "/proc/$1/stat" && fields=\${line##*) }
}
if [ -n "$expected" ] && state $$; then
  until state $$ && set -- "$1" "$2" $fields && [ "$4" != "$2" ]; do sleep 0.01; done
  parent=$4
  read -r now rest < /proc/uptime
  oldest=$(((\${now%.*} - 2) * $(getconf CLK_TCK || echo 100)))
  for each in /proc/[0-9]*; do
    state "\${each#/proc/}" || continue
    set -- $fields
    [ "$2" = "$parent" ] && [ "\${20}" -ge "$oldest" ] || continue
    [ "$(readlink "$each/cwd")" = "$expected" ] && groups="$groups\${each#/proc/} "
  done
fi
find_strays() {
  strays=
  set -- $tags
  # No tag at all would fit everybody.
  [ "$#" -gt 0 ] || return
  any=$(IFS='|'; echo "$*")
  for each in $(grep -lE "^Max file locks +($any) " /proc/[0-9]*/limits 2>/dev/null); do
    each=\${each#/proc/}
    each=\${each%/limits}
    is_number "$each" && state "$each" || continue
    set -- $fields
    case $1 in [ZX]) continue ;; esac
    case $groups in *" $3 "*) continue ;; esac
    strays="$strays$each "
  done
}
alive() {
  find_strays
  left=' '
  for group in $groups; do
    kill -s 0 -- "-$group" 2>/dev/null || kill -s 0 "$group" 2>/dev/null || continue
    left="$left$group "
  done
  groups=$left
  [ "$groups$strays" != ' ' ]
}
alive || exit 0
end() {
  for stray in $strays; do kill -s "$1" "$stray" 2>/dev/null; done
  for group in $groups; do
    kill -s "$1" -- "-$group" 2>/dev/null || kill -s "$1" "$group" 2>/dev/null
  done
}
end TERM
end CONT
tries=50
while alive && [ "$tries" -gt 0 ]; do
  sleep 0.1
  tries=$((tries - 1))
done
tries=10
while alive && [ "$tries" -gt 0 ]; do
  end KILL
  sleep 0.1
  tries=$((tries - 1))
done
`;
