/**
 * Generates the quick client: a script for `sh` and Perl, without modules, that sends a command
 * line to a server. It starts in a sixth of the time that the runtime needs.
 *
 * The script runs the whole client with `exec` if it cannot do the work itself: no server, another
 * version, options that name a server. Three rules keep it fast and correct:
 *
 * - Perl compiles a script at each start. Code that is rarely needed is therefore text, which
 *   `eval` compiles on use.
 * - Until the server has accepted, signals end the client, and after 2 s the whole client takes
 *   over. After `go`, the whole client takes over only if the server replies that it has not begun.
 * - The shell part opens closed standard streams. Otherwise, Perl would take one of them for its
 *   script. If the environment changes Perl's own behavior, the shell part runs the whole client.
 *
 * @module
 */

import { FORWARDED, PLACED } from "./forwardable.ts";
import { REPEAT_MS } from "../wire/signals.ts";
import { EXECUTE_PROTOCOL } from "./protocol.ts";

/** Parameters of a script. */
interface QuickClientOptions {
  /** simmer's version. */
  readonly version: string;
  /** Command that runs the whole client. */
  readonly whole: WholeClient;
  /** Path of Perl. */
  readonly perl: string;
  /** `any`: the script finds out where it runs. */
  readonly os: "linux" | "darwin" | "any";
  readonly arch: typeof Deno.build.arch;
}

/**
 * The command that runs the whole client, or the name of a script for that in the same folder, which
 * is found through links to the quick client.
 */
type WholeClient = readonly string[] | { readonly beside: string };

/** Platform-specific values. */
interface Platform {
  /**
   * Perl expression for the number of the `sendmsg` system call, which passes descriptors; 0: none
   * are passed.
   */
  readonly sendmsg: string;
  readonly windowSize: string;
  /** Perl expressions. */
  readonly address: string;
  readonly peerUser: string;
  readonly folder: string;
  readonly variables: string;
  /** Monotonic time in seconds. */
  readonly now: string;
}

const LINUX: Omit<Platform, "sendmsg"> = {
  windowSize: "0x5413",
  address: String.raw`pack("Sa*", 1, "$_[0]\0")`,
  peerUser: String.raw`unpack("x4L", getsockopt(S, 1, 17))`,
  folder: `readlink("/proc/self/cwd")`,
  variables: String.raw`do { local $/; open my $f, "<", "/proc/self/environ"; <$f> }`,
  now: `do { open my $f, "<", "/proc/uptime"; (split " ", <$f>)[0] }`,
};

/** Values from the system's headers. Not yet tested on macOS. */
const DARWIN: Platform = {
  sendmsg: "0",
  windowSize: "0x40087468",
  address: `pack("CCa104", 106, 1, $_[0])`,
  peerUser: `unpack("x4L", getsockopt(S, 0, 1))`,
  folder: `do { open my $p, "-|", "/bin/pwd", "-P"; my $d = <$p>; chomp $d; $d }`,
  variables: String.raw`join("\0", map "$_=$ENV{$_}", sort keys %ENV) . "\0"`,
  now: `do { require Time::HiRes; Time::HiRes::time() }`,
};

const SENDMSG: Readonly<Record<typeof Deno.build.arch, string>> = { x86_64: "46", aarch64: "211" };

/** Returns a Perl expression that is evaluated to `mac` on macOS. */
function eitherOf(mac: string, linux: string): string {
  return `($^O eq "darwin" ? ${mac} : ${linux})`;
}

/** The processor is read from the header of the running Perl. */
const ANY: Platform = {
  sendmsg: eitherOf(
    "0",
    String.raw`do {
    open my $f, "<", "/proc/self/exe"; read $f, my $head, 20; unpack("x18 S", $head) == 183 ? 211 : 46
  }`,
  ),
  windowSize: eitherOf(DARWIN.windowSize, LINUX.windowSize),
  address: eitherOf(DARWIN.address, LINUX.address),
  peerUser: eitherOf(DARWIN.peerUser, LINUX.peerUser),
  folder: eitherOf(DARWIN.folder, LINUX.folder),
  variables: eitherOf(DARWIN.variables, LINUX.variables),
  now: eitherOf(DARWIN.now, LINUX.now),
};

function platformOf({ os, arch }: Pick<QuickClientOptions, "os" | "arch">): Platform {
  if (os === "any") return ANY;
  return os === "linux" ? { ...LINUX, sendmsg: SENDMSG[arch] } : DARWIN;
}

/** Creates the script. */
export function quickClient({ version, whole, perl, os, arch }: QuickClientOptions): string {
  const platform = platformOf({ os, arch });
  const program = perlText(platform, { version, whole, rare: rareText(platform) });
  return `#!/bin/sh
# simmer's quick client ${version}${
    "beside" in whole ? "" : ": 'simmer install' made it, 'simmer uninstall' removes it"
  }.
true <&0 2>/dev/null || exec </dev/null
true >&1 || exec >/dev/null
true >&2 || exec 2>/dev/null
case $1 in ${FORWARDED.join("|")})
  case $PERL5OPT$PERL5LIB$PERL5DB$PERL_UNICODE in '')
    if [ -x ${shell(perl)} ]; then
      case \${PERL_BADLANG+set} in set) exec ${shell(perl)} -x "$0" 0 "$@";; esac
      PERL_BADLANG=0 exec ${shell(perl)} -x "$0" 1 "$@"
    fi
  esac
esac
${runWhole(whole)}#!perl
${program}`;
}

/** Creates a script that runs the whole client, for a machine without Perl. */
export function wholeClient(whole: readonly string[]): string {
  return `#!/bin/sh
# simmer's whole client: 'simmer install' made it, 'simmer uninstall' removes it.
${runWhole(whole)}`;
}

/**
 * Returns the shell code that runs the whole client. If that is missing, the exit code is 3, the
 * same as for a missing server.
 */
function runWhole(whole: WholeClient): string {
  if ("beside" in whole) {
    return `self=$0
case $self in */*) ;; *) self=./$self;; esac
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link;; *) self=\${self%/*}/$link;; esac
done
exec "\${self%/*}/${whole.beside}" "$@"
`;
  }
  const program = shell(whole[0] ?? "");
  return `if [ -x ${program} ]; then exec ${whole.map(shell).join(" ")} "$@"; fi
echo "simmer: cannot run "${program}": it is gone; install simmer again" >&2
exit 3
`;
}

/** Quotes a word for the shell. */
function shell(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Quotes a string for Perl. */
function perlString(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

function perlText(
  { address, peerUser, folder, variables, sendmsg, windowSize }: Platform,
  { version, whole, rare }: {
    readonly version: string;
    readonly whole: WholeClient;
    readonly rare: string;
  },
): string {
  return String.raw`$ours = shift;
@whole = (${"beside" in whole ? "" : whole.map(perlString).join(", ")});
$SIG{ALRM} = \&whole;
alarm 2;
for (@ARGV) { last if $_ eq "--"; whole() if /${PLACED}/ }
$cwd = ${folder} or whole();
for ($dir = $cwd;; $dir =~ s!/[^/]*$!!) {
  if ($inside ? rare("member") : -f "$dir/deno.json" || -f "$dir/deno.jsonc" || -f "$dir/package.json" || -f "$dir/pnpm-workspace.yaml") {
    $inside = 1;
    last if offer();
  }
  whole() if $dir eq "";
}
for (qw(INT QUIT TERM HUP USR1 USR2 ALRM WINCH TSTP CONT)) {
  $SIG{$_} = sub { push @signals, $_[0] } if ($SIG{$_} || "") ne "IGNORE";
}
$ignores = ($SIG{PIPE} || "") eq "IGNORE";
$SIG{PIPE} = "IGNORE";
begin();
vec($set = "", fileno S, 1) = 1;
while (1) {
  rare("signals") if @signals;
  next if select($ready = $set, undef, undef, 1) < 1;
  rare("keys") if $modes && vec $ready, 0, 1;
  next if !vec $ready, fileno S, 1;
  $count = sysread S, $in, 262144, length $in;
  next if !defined $count && $! == 4;
  rare("lost") if !$count;
  $unanswered = 0;
  while (length $in >= 5) {
    ($type, $length) = unpack "aN", $in;
    last if length $in < 5 + $length;
    $text = substr $in, 5, $length;
    substr($in, 0, 5 + $length) = "";
    if ($type eq "1") { out(*STDOUT) }
    elsif ($type eq "2") { out(*STDERR) }
    elsif ($type eq "X") { length $text > 1 ? rare("died") : exit ord $text }
    elsif ($type eq "T") { $text ? rare("raw") : rare("cooked") }
    elsif ($type eq "Z") { push @signals, "TSTP" }
    elsif ($type eq "U") { $screen = $text }
    elsif ($type eq "R") { whole() }
  }
}

sub whole {
  alarm 0;
  $SIG{PIPE} = $ignores ? "IGNORE" : "DEFAULT" if defined $ignores;
  delete $ENV{PERL_BADLANG} if $ours;
${"beside" in whole ? findBeside(whole.beside) : ""}  exec { $whole[0] } @whole, @ARGV;
  print STDERR "simmer: cannot run $whole[0]: $!; install simmer again\n";
  exit 3;
}

END { on_cooked() if $modes }

sub own {
  for (my $at = 1; ($at = index $_[0], "/", $at) > 0; $at++) {
    my @link = lstat substr $_[0], 0, $at;
    return 0 if -l _ && $link[4] != $> && $link[4];
  }
  my @folder = lstat $_[0];
  -d _ && $folder[4] == $> && !($folder[2] & 077);
}

sub offer {
  own("$dir/.simmer") && open my $lock, "<", "$dir/.simmer/lock" or return 0;
  my ($socket) = join("", <$lock>) =~ /^unix:(.+)$/m or return 0;
  my ($folder) = $socket =~ m!^(.+)/! or return 0;
  own($folder) && socket(S, 1, 1, 0) && connect(S, address($socket)) or return 0;
  return 0 if ${peerUser} != $>;
  my $request = request();
  for (my $at = 0; $at < length $request;) {
    my $count = syswrite S, $request, length($request) - $at, $at or return 0;
    $at += $count;
  }
  $in = "";
  while (length $in < 5) { sysread S, $in, 5, length $in or return 0 }
  return 0 if $in ne "A\0\0\0\0";
  alarm 0;
  $in = "";
  return 1;
}

sub address { ${address} }

sub request {
  return $request if defined $request;
  my $variables = ${variables};
  $variables =~ s/(^|\0)PERL_BADLANG=0\0/$1/ if $ours;
  my $namespaces = join " ", map readlink("/proc/self/ns/$_") || (), "pid", "mnt";
  $terminal = join "", map -t $_ ? 1 : 0, *STDIN, *STDOUT, *STDERR;
  $sendmsg = ${sendmsg};
  @passed = $sendmsg ? (0, descriptors()) : ();
  my $fields = join "\0", ${EXECUTE_PROTOCOL}, ${
    perlString(version)
  }, $$, $namespaces, $cwd, size(),
    $terminal, join(",", @passed), scalar @ARGV, @ARGV, $variables;
  return $request = pack("aN", "E", length $fields) . $fields;
}

sub size {
  my $size = "\0" x 8;
  for (*STDOUT, *STDERR) { return (unpack "SS", $size)[1, 0] if -t $_ && ioctl $_, ${windowSize}, $size }
  return (0, 0);
}

sub descriptors {
  opendir my $folder, "/proc/self/fd" or return ();
  my @numbers = grep $_ > 2 && $_ < 256, readdir $folder;
  closedir $folder;
  return grep is_inherited($_), @numbers;
}

# Opening a handle for the descriptor would change the flag.
sub is_inherited {
  open my $info, "<", "/proc/self/fdinfo/$_[0]" or return 0;
  return join("", <$info>) =~ /^flags:\s*(\d+)/m && !(oct($1) & 02000000);
}

sub begin {
  return syswrite S, "G\0\0\0\0" if !@passed;
  $head = "G\0\0\0\0";
  $vector = pack "PQ", $head, 5;
  $rights = pack "i*", @passed;
  $control = pack("Qii", 16 + length $rights, 1, 1) . $rights;
  $control .= "\0" x (-length($control) % 8);
  $message = pack "QLx4PQPQLx4", 0, 0, $vector, 1, $control, 16 + length $rights, 0;
  syscall($sendmsg, fileno S, $message, 0) == 5 or rare("lost");
}

sub out {
  for (my $at = 0; $at < length $text;) {
    my $count = syswrite $_[0], $text, length($text) - $at, $at;
    if (defined $count) { $at += $count } else { rare("unwritten", $_[0]) or return }
  }
}

sub rare {
  eval $rare . "1" or die $@ if defined $rare;
  undef $rare;
  goto &{ "on_" . shift };
}

BEGIN { $rare = <<'RARE' }
${rare}RARE
`;
}

/** Returns the Perl code that finds a script in the folder of this one. */
function findBeside(name: string): string {
  return String.raw`  my $self = $0;
  while (defined(my $link = readlink $self)) {
    $self = $link =~ m!^/! ? $link : ($self =~ m!^(.*/)! ? $1 : "") . $link;
  }
  @whole = ($self =~ m!^(.*/)! ? $1 : "./") . ${perlString(name)};
`;
}

/** Returns the Perl code that is rarely needed, and therefore compiled on use. */
function rareText({ now }: Platform): string {
  return String.raw`sub on_member {
  return 1 if -f "$dir/pnpm-workspace.yaml";
  for (map "$dir/$_", "deno.json", "deno.jsonc", "package.json") {
    next if !-f $_ || -s _ > 1048576 || !open my $file, "<", $_;
    return 1 if join("", <$file>) =~ /"workspace/;
  }
  return 0;
}

sub is_foreground {
  my $group = "\0" x 4;
  return ioctl(STDIN, 0x540f, $group) && unpack("i", $group) == getpgrp;
}

sub on_raw {
  $relays = 1;
  my $now = "\0" x 36;
  return if $modes || !is_foreground() || !ioctl STDIN, 0x5401, $now;
  my ($in, $out, $control, $local, @characters) = unpack "L4 C20", $now;
  @characters[6, 7] = (0, 1); # VTIME, VMIN
  my $raw = pack "L4 C20", $in & ~02753, $out & ~1, $control & ~0460 | 060, $local & ~0100113, @characters;
  $modes = $now;
  ioctl STDIN, 0x5402, $raw;
  vec($set, 0, 1) = 1;
}

sub on_cooked {
  $relays = 0 if !@_;
  ioctl STDIN, 0x5402, $modes if $modes && is_foreground();
  undef $modes;
  vec($set, 0, 1) = 0;
}

sub on_keys {
  my $count = sysread STDIN, my $keys, 16384;
  if ($count) {
    note("0", $keys);
    # In raw mode, no key ends this process if the server does not react.
    $unanswered = $keys =~ /^\x03+$/ ? $unanswered + $count : 0;
    if ($unanswered >= 4) { on_cooked(); restore(); $SIG{INT} = "DEFAULT"; kill "INT", $$ }
  } elsif (defined $count || $! != 4) { vec($set, 0, 1) = 0 }
}

sub restore { syswrite STDERR, $screen if defined $screen }

sub on_lost {
  on_cooked();
  restore();
  print STDERR "simmer: the server ended, perhaps killed\n";
  exit 3;
}

sub on_died {
  my $signal = substr $text, 1;
  on_cooked();
  $SIG{$signal} = "DEFAULT";
  kill $signal, $$;
  exit ord $text;
}

sub is_gone { join("", map -t $_ ? 1 : 0, *STDIN, *STDOUT, *STDERR) ne $terminal }

sub note { my $text = $_[1]; syswrite S, pack("aN", $_[0], length $text) . $text }

sub stop {
  local $SIG{TSTP} = "DEFAULT";
  kill "TSTP", $$;
  # The kernel ignores the signal if no shell could continue this process.
  push @signals, "CONT" if !grep $_ eq "CONT", @signals;
}

sub is_counted {
  my $now = ${now};
  return 0 if $_[0] eq $last && $now - $at < ${REPEAT_MS / 1000};
  ($last, $at) = ($_[0], $now);
  return 1;
}

sub on_signals {
  while (defined(my $signal = shift @signals)) {
    if ($signal =~ /^(INT|QUIT|TERM)$/ && is_counted($signal) && ++$endings == 4) {
      on_cooked();
      restore();
      $SIG{$signal} = "DEFAULT";
      kill $signal, $$;
    }
    on_cooked("for now") if $signal eq "TSTP";
    on_raw() if $signal eq "CONT" && $relays;
    note("H", "") if $signal eq "HUP" && is_gone();
    note("W", join " ", size()) if $signal eq "WINCH";
    note("S", $signal);
    if ($signal eq "TSTP") { restore(); stop() }
  }
}

sub on_unwritten {
  my $number = $! + 0;
  my $reason = "$!";
  on_signals() if @signals;
  return 1 if $number == 4;
  if ($number == 11 || $number == 35) {
    vec(my $set = "", fileno $_[0], 1) = 1;
    select undef, $set, undef, 1;
    return 1;
  }
  if ($number == 32 || $number == 5) {
    if (is_gone()) { note("H", ""); note("S", "HUP"); return 0 }
    exit 1 if $ignores;
    $SIG{PIPE} = "DEFAULT";
    on_cooked();
    kill "PIPE", $$;
  }
  my $stream = fileno $_[0] == 1 ? "stdout" : "stderr";
  syswrite STDERR, "simmer: cannot write to $stream: $reason (os error $number)\n";
  exit 74;
}
`;
}
