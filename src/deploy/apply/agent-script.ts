import { quote } from '../../std/shell-word.ts';
import type { Step } from '../desired/step.ts';
import { JOURNAL } from '../journal.ts';
import { takeHost } from './agent-lock.ts';

/**
 * Carries out steps that it reads, one a line with its bytes behind it, and says after each that it is done. What it makes and what it
 * replaces is written into the host's journal before: `reset` takes away exactly that. Ends with the first step that fails, and with the link.
 */
export const agentScript = (journal = JOURNAL): string => `
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 022
journal=${quote(journal)}
mkdir -p "$(dirname "$journal")" || exit 1
umask 077
mkdir -p "$journal/units" "$journal/originals" || exit 1
${takeHost(journal)}tab=$(printf '\\t')
fail() { printf '%s\\n' "$1" >&2; exit 1; }
record() { grep -qxF -- "$1" "$journal/installed" 2>/dev/null || { printf '%s\\n' "$1" >> "$journal/installed"; sync; }; }
recorded() { grep -qxF -- "$1" "$journal/installed" 2>/dev/null; }
label() {
  if [ "$2" = - ] || ! command -v selinuxenabled >/dev/null 2>&1 || ! selinuxenabled; then return 0; fi
  # Not every policy has the types of containers (Debian's has none): where it does not, no rule of it asks for them.
  context=$(stat -c %C -- "$1" | sed "s/^[^:]*:\\([^:]*\\):[^:]*/system_u:\\1:$2/")
  if ! (printf %s "$context" > /sys/fs/selinux/context) 2>/dev/null; then return 0; fi
  chcon -u system_u -t "$2" "$1" || fail "cannot label $1"
}
keep_original() {
  if recorded "$1$tab$2"; then return 0; fi
  if [ -e "$2" ] || [ -L "$2" ]; then
    mkdir -p "$journal/originals$(dirname "$2")" && cp -a -- "$2" "$journal/originals$2" || fail "cannot keep what was at $2"
    record "original$tab$2"
  fi
  record "$1$tab$2"
}
keep_rights() {
  if recorded "tree$tab$1" || recorded "parent$tab$1" || cut -f 1,2 "$journal/installed" 2>/dev/null | grep -qxF -- "rights$tab$1"; then return 0; fi
  record "rights$tab$1$tab$(stat -c '%a %u:%g' "$1")"
}
keep_parameter() {
  parameter=/proc/sys/$(printf %s "$1" | tr . /)
  case $1 in net.netfilter.*) [ -e "$parameter" ] || modprobe -q nf_conntrack 2>/dev/null || : ;; esac
  if [ -w "$parameter" ] && ! cut -f 1,2 "$journal/installed" 2>/dev/null | grep -qxF -- "sysctl$tab$1"; then
    record "sysctl$tab$1$tab$(tr '\\t' ' ' < "$parameter")"
  fi
}
make_directory() {
  if [ -d "$1" ]; then return 0; fi
  make_directory "$(dirname "$1")" parent
  record "$2$tab$1"
  mkdir -m 755 "$1" || fail "cannot make $1"
}
while IFS="$tab" read -r op a b c d e f g; do
  case $op in
    directory)
      if [ -d "$a" ] && [ -z "$(ls -A "$a")" ]; then record "content$tab$a"; fi
      if [ -d "$a" ]; then keep_rights "$a"; fi
      make_directory "$a" tree
      chown "$c:$d" "$a" && chmod "$b" "$a" || fail "cannot set owner and mode of $a"
      label "$a" "$e" ;;
    file)
      make_directory "$(dirname "$a")" parent
      keep_original file "$a"
      new="$a.muster-deploy"
      head -c "$e" > "$new" || { rm -f "$new"; fail "cannot write $new"; }
      if [ "$(wc -c < "$new")" -ne "$e" ]; then rm -f "$new"; fail "the connection ended within $a"; fi
      chown "$c:$d" "$new" && chmod "$b" "$new" || fail "cannot set owner and mode of $a"
      if [ "$g" != - ]; then
        chmod g-rwx "$new" && setfacl -m "u:$g:r" "$new" || { rm -f "$new"; fail "cannot let $g read $a by an access list: preparation.acl: skip gives it a group"; }
      fi
      label "$new" "$f"
      # A name that is on the disk before its bytes are would be an empty file after a loss of power.
      sync "$new" || fail "cannot write $new"
      if [ -d "$a" ] && [ ! -L "$a" ]; then fail "$a is a directory"; fi
      mv -f "$new" "$a" || fail "cannot write $a" ;;
    link)
      make_directory "$(dirname "$a")" parent
      keep_original link "$a"
      ln -s "$b" "$a.muster-deploy" && mv -f "$a.muster-deploy" "$a" || fail "cannot link $a" ;;
    run)
      script=$(head -c "$a"; printf x)
      script=\${script%x}
      [ "\${#script}" -eq "$a" ] || fail "the connection ended"
      ( set -e; eval "$script" ) </dev/null >&2
      if [ $? -ne 0 ]; then exit 1; fi ;;
    *) fail "unknown step $op" ;;
  esac
  printf 'done\\t%s\\n' "$a"
done
sync
echo end
`;

/** Lines that a service's process said before it ended, and how much of each. */
const LAST_WORDS = 6;
const LONGEST_WORD = 400;

/** What the agent reads for steps, in order. */
export function* agentInput(steps: readonly Step[]): Generator<Uint8Array> {
  for (const step of steps) yield* frameOf(step);
}

function* frameOf(step: Step): Generator<Uint8Array> {
  const line = (...words: readonly (string | number)[]) => Buffer.from(`${words.join('\t')}\n`);
  if (step.type === 'directory') {
    yield line('directory', step.path, step.mode.toString(8), step.owner, step.group, step.label ?? '-');
  } else if (step.type === 'file') {
    const { bytes } = step.content;
    const { path, mode, owner, group, label = '-', reader = '-' } = step;
    yield line('file', path, mode.toString(8), owner, group, bytes.length, label, reader);
    yield bytes;
  } else if (step.type === 'link') {
    yield line('link', step.path, step.target);
  } else {
    const script = scriptOf(step);
    // The shell counts bytes in LC_ALL=C.
    const bytes = Buffer.from(script);
    yield line('run', bytes.length);
    yield bytes;
  }
}

type Scripted = Exclude<Step, { type: 'directory' | 'file' | 'link' }>;

/** Shell for what is more than a file. May use the agent's `record`, which keeps how things were. */
function scriptOf(step: Scripted): string {
  switch (step.type) {
    case 'account':
      return accountScript(step.name, step.id);
    case 'unit': {
      const name = quote(step.name);
      return `record unit"$tab"${name}
for parameter in ${(step.sets ?? []).map(quote).join(' ')}; do keep_parameter "$parameter"; done
systemctl daemon-reload
systemctl enable --quiet ${name}
rm -f "$journal/units/"${name}
systemctl reset-failed ${name} 2>/dev/null || :
since=$(date '+%Y-%m-%d %H:%M:%S')
if ! why=$(systemctl restart ${name} 2>&1); then
  # What its own process said, and not what systemd says of it.
  words=$(journalctl -q --no-pager -o cat --since "$since" -n ${LAST_WORDS} _SYSTEMD_UNIT=${name} 2>/dev/null | cut -c 1-${LONGEST_WORD} || :)
  fail "${step.name} did not start: \${words:-$why}"
fi
printf '%s\\n' ${step.fingerprint} > "$journal/units/"${name}`;
    }
    case 'absent':
      return `rm -f -- ${quote(step.path)}`;
    case 'running':
      return `systemctl is-active --quiet ${quote(step.name)} || record started"$tab"${quote(step.name)}
systemctl is-enabled --quiet ${quote(step.name)} || record enabled"$tab"${quote(step.name)}
systemctl enable --quiet --now ${quote(step.name)}`;
    case 'forgotten':
      return `rm -f -- ${step.paths.map((path) => (path.endsWith('*') ? `${quote(path.slice(0, -1))}*` : quote(path))).join(' ')}`;
    case 'restarted':
      return `systemctl restart ${quote(step.name)}`;
    case 'stopped':
      return `if systemctl is-enabled --quiet ${quote(step.name)}; then record disabled"$tab"${quote(step.name)}; fi
if systemctl is-active --quiet ${quote(step.name)}; then record stopped"$tab"${quote(step.name)}; fi
systemctl disable --quiet --now ${quote(step.name)}`;
    case 'packages':
      return packagesScript(step.names, step.directory);
    case 'swap-off':
      // Where none is on there is nothing to turn off, nor on again by `reset`: what fstab names may not even be there.
      return `if [ "$(wc -l < /proc/swaps)" -gt 1 ]; then
  record swap"$tab"on
  swapoff -a
fi
if [ -e /etc/fstab ]; then
  keep_original file /etc/fstab
  sed '/^[[:space:]]*[^#[:space:]][^[:space:]]*[[:space:]][[:space:]]*[^[:space:]][^[:space:]]*[[:space:]][[:space:]]*swap[[:space:]]/d' /etc/fstab > /etc/fstab.muster-deploy
  chmod 644 /etc/fstab.muster-deploy
  sync /etc/fstab.muster-deploy
  mv -f /etc/fstab.muster-deploy /etc/fstab
fi`;
    case 'library-cache':
      return 'ldconfig';
    case 'module':
      return `modprobe ${quote(step.name)}`;
    case 'sysctl': {
      const path = `/proc/sys/${step.key.replaceAll('.', '/')}`;
      return `keep_parameter ${quote(step.key)}
printf '%s\\n' ${quote(step.value)} > ${quote(path)}`;
    }
  }
}

/** Keeps services of packages from starting; who finds such a file knows whose it is. */
const POLICY_MARK = '# Made by muster deploy: services of packages are configured before they start.';

/** Shell that takes it away where it is ours, as of a command that was ended. */
export const forgetPolicy = `if grep -qxF '${POLICY_MARK}' /usr/sbin/policy-rc.d 2>/dev/null; then rm -f /usr/sbin/policy-rc.d; fi`;

/**
 * apt resolves what the packages need among those of the directory and what the host has, and asks nobody else. Services of packages do not
 * start by themselves (policy-rc.d): they are configured first.
 */
function packagesScript(names: readonly string[], directory: string): string {
  const [list, apt] = [quote(`${directory}/lists`), quote(`${directory}/sources.list`)];
  return `command -v apt-get >/dev/null || fail 'packages of a bundle need apt-get'
mkdir -p ${list}/partial
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '%s\\n' '#!/bin/sh' '${POLICY_MARK}' 'exit 101' > "$policy.muster-deploy"
  chmod 755 "$policy.muster-deploy"
  mv -f "$policy.muster-deploy" "$policy"
fi
apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dir::Etc::SourceList=${apt} -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=${list} -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@"; }
install_all() { apt_get "$@" install -y --no-install-recommends ${names.map(quote).join(' ')}; }
# What was cut short by a loss of power; apt says so where that does not help.
DEBIAN_FRONTEND=noninteractive dpkg --force-confold --configure -a || :
done=no
# Those that are new are recorded before the first of them is there.
if apt_get update && simulated=$(install_all --simulate); then
  for package in $(printf '%s\\n' "$simulated" | sed -n 's/^Inst \\([^ ]*\\) (.*/\\1/p'); do record package"$tab$package"; done
  if install_all; then done=yes; fi
fi
${forgetPolicy}
[ "$done" = yes ] || fail 'packages of the bundle cannot be installed: it must hold all that they need and the host has not'
rm -rf ${quote(directory)}`;
}

function accountScript(name: string, id: number | undefined): string {
  const word = quote(name);
  const number = id === undefined ? '-r' : `-g ${id}`;
  const user = id === undefined ? '-r' : `-u ${id}`;
  return `if ! getent group ${word} >/dev/null; then record group"$tab"${word}; groupadd ${number} ${word}; fi
if ! getent passwd ${word} >/dev/null; then
  record user"$tab"${word}
  useradd ${user} -g ${word} -d / -s "$(command -v nologin || echo /sbin/nologin)" -M ${word}
fi`;
}
