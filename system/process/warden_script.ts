/**
 * What the warden runs, for any POSIX shell.
 *
 * @module
 */

/**
 * Reads `+ PGID` and `- PGID` lines, and `# MARK` and `~ MARK` ones; at their end sends SIGTERM to
 * what is left and SIGKILL 5 s later: to the groups, and to those outside of them who carry a mark.
 * It ignores the signals that end its neighbours.
 *
 * `? FOLDER` says that a process without a mark is about to be started there, until a `+` or a `!`
 * follows. Where the end comes first, that process is looked for: the server's children have got
 * another parent by then, the one that the warden itself has got, and this one is not older than
 * two seconds.
 */
export const WARDEN_SCRIPT = `
trap '' HUP INT TERM
if [ -n "$1" ]; then exec < "$1" || exit; fi
echo ready
groups=' '
marks=' '
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
    [#]) marks="$marks$what " ;;
    [~]) without "$marks" "$what"; marks=$rest ;;
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
  set -- $marks
  # No mark at all would fit everybody.
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
