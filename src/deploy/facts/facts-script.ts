import { JOURNAL } from '../journal.ts';

/** What to look at beside what is looked at on every host. */
export interface Question {
  /**
   * Paths; contents that are not `sha256` are answered too, unless that is undefined (secrets, programs), and whether `reader` may read it by
   * an access list.
   */
  readonly files: readonly { readonly path: string; readonly sha256?: string; readonly reader?: string }[];
  readonly units: readonly string[];
  readonly programs: readonly string[];
  readonly libraries: readonly string[];
  readonly sysctls: readonly string[];
  readonly accounts: readonly string[];
  /** Of accounts. */
  readonly numbers: readonly number[];
  /** Files with certificates, perhaps with keys, which stay where they are. */
  readonly certificates: readonly string[];
}

/** Larger files are told apart, not shown. */
const LARGEST_SHOWN_BYTES = 64 * 1024;

/** What `FACTS_SCRIPT` reads: a line a question. */
export function factsInput({ files, units, programs, libraries, sysctls, accounts, numbers, certificates }: Question): string {
  return [
    ...files.map(({ path, sha256, reader }) => `file\t${path}\t${sha256 ?? '-'}\t${reader ?? '-'}`),
    ...units.map((name) => `unit\t${name}\t-`),
    ...programs.map((name) => `program\t${name}\t-`),
    ...libraries.map((name) => `library\t${name}\t-`),
    ...sysctls.map((key) => `sysctl\t${key}\t-`),
    ...accounts.map((name) => `account\t${name}\t-`),
    ...numbers.map((number) => `number\t${number}\t-`),
    ...certificates.map((path) => `certificate\t${path}\t-`),
    '',
  ].join('\n');
}

/**
 * Looks at a host and changes nothing. POSIX sh with what every distribution has (coreutils or busybox, sed); prints `name<TAB>value…` lines and
 * `end` as the last, so that half an answer is not taken for a whole one.
 */
export const FACTS_SCRIPT = `
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
tell() { printf '%s\\t%s\\n' "$1" "$2"; }
first() { head -n 1 "$1" 2>/dev/null; }
count() { sed -n "$1" "$2" 2>/dev/null | wc -l | tr -d ' '; }
tell hostname "$(uname -n)"
tell machineId "$(first /etc/machine-id)"
tell kernel "$(uname -r)"
tell architecture "$(uname -m)"
tell system "$(sed -n 's/^PRETTY_NAME="\\{0,1\\}\\([^"]*\\)"\\{0,1\\}$/\\1/p' /etc/os-release 2>/dev/null | head -n 1)"
tell init "$(first /proc/1/comm)"
tell cpus "$(grep -c '^processor' /proc/cpuinfo)"
tell memoryKiB "$(sed -n 's/^MemTotal: *\\([0-9]*\\) kB$/\\1/p' /proc/meminfo)"
tell diskKiB "$(df -Pk /var/lib | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\\(-\\{0,1\\}[0-9]*\\).*/\\1/p')"
tell time "$(date +%s)"
if [ -r /sys/fs/selinux/enforce ]; then
  if [ "$(first /sys/fs/selinux/enforce)" = 1 ]; then tell selinux enforcing; else tell selinux permissive; fi
else tell selinux none; fi
tell swaps "$(count '2,$p' /proc/swaps)"
tell fstabSwaps "$(count '/^[[:space:]]*[^#[:space:]][^[:space:]]*[[:space:]][[:space:]]*[^[:space:]][^[:space:]]*[[:space:]][[:space:]]*swap[[:space:]]/p' /etc/fstab)"
for name in ip_tables nf_tables overlay br_netfilter nf_conntrack ip_vs; do
  if [ -d "/sys/module/$name" ]; then tell module "$name"
  elif modprobe -n -q "$name" 2>/dev/null; then tell loadable "$name"; fi
done
if [ -d /proc/sys/net/bridge ]; then tell module br_netfilter; fi
if [ -e /proc/net/ip_vs ]; then tell module ip_vs; fi
for name in overlay; do if grep -qw "$name" /proc/filesystems; then tell filesystem "$name"; fi; done
tell ports "$(sed -n 's/^ *[0-9]*: [0-9A-F]*:\\([0-9A-F]\\{4\\}\\) [0-9A-F]*:[0-9A-F]* 0A .*/\\1/p' /proc/net/tcp /proc/net/tcp6 2>/dev/null | sort -u | tr '\\n' ' ')"
ip -o address show 2>/dev/null | sed -n 's/^[0-9]*: *\\([^ ]*\\) *inet6\\{0,1\\} \\([^ /]*\\).*/device\\t\\2\\t\\1/p'
tab=$(printf '\\t')
while IFS="$tab" read -r what name sha reader; do
  case $what in
    file)
      if [ -L "$name" ]; then printf 'link\\t%s\\t%s\\n' "$name" "$(readlink "$name")"
      elif [ -d "$name" ]; then printf 'directory\\t%s\\t%s\\n' "$name" "$(stat -c '%a %U %G' "$name")"
      elif [ -f "$name" ]; then
        set -- $(sha256sum < "$name")
        printf 'file\\t%s\\t%s\\t%s\\n' "$name" "$(stat -c '%a %U %G %s' "$name")" "$1"
        # An entry that the mask cuts has a remark behind it.
        if [ "$reader" != - ] && command -v getfacl >/dev/null 2>&1 && getfacl -cp -- "$name" 2>/dev/null | grep -q "^user:$reader:r[w-][x-]$"; then
          printf 'reader\\t%s\\t%s\\n' "$name" "$reader"
        fi
        if [ "$sha" != - ] && [ "$sha" != "$1" ] && [ "$(wc -c < "$name")" -le ${LARGEST_SHOWN_BYTES} ]; then
          printf 'content\\t%s\\t%s\\n' "$name" "$(base64 "$name" | tr -d '\\n')"
        fi
      elif [ -e "$name" ]; then printf 'other\\t%s\\n' "$name"; fi ;;
    unit)
      printf 'unit\\t%s\\t%s\\t%s\\n' "$name" "$(systemctl show -p LoadState -p ActiveState -p UnitFileState "$name" 2>/dev/null | tr '\\n' ' ')" "$(first ${JOURNAL}/units/"$name")" ;;
    program) if command -v "$name" >/dev/null 2>&1; then tell program "$name"; fi ;;
    library) if ldconfig -p 2>/dev/null | grep -qF "$tab$name "; then tell library "$name"; fi ;;
    sysctl)
      path=/proc/sys/$(printf %s "$name" | tr . /)
      if [ -e "$path" ]; then
        if [ -w "$path" ]; then may=write; else may=read; fi
        printf 'sysctl\\t%s\\t%s\\t%s\\n' "$name" "$(tr '\\t' ' ' < "$path" 2>/dev/null)" "$may"
      fi ;;
    certificate)
      if [ -f "$name" ]; then printf 'certificate\\t%s\\t%s\\n' "$name" "$(sed -n '/^-----BEGIN CERTIFICATE-----$/,/^-----END CERTIFICATE-----$/p' "$name" | base64 | tr -d '\\n')"; fi ;;
    number)
      for base in passwd group; do
        holder=$(getent "$base" "$name" 2>/dev/null || sed -n "/^[^:]*:[^:]*:$name:/{p;q;}" "/etc/$base")
        if [ -n "$holder" ]; then printf 'holder\\t%s\\t%s\\t%s\\n' "$base" "$name" "$(printf %s "$holder" | cut -d: -f1)"; fi
      done ;;
    account)
      entry=$(getent passwd "$name" 2>/dev/null || sed -n "/^$name:/p" /etc/passwd)
      if [ -n "$entry" ]; then printf 'account\\t%s\\t%s\\n' "$name" "$(printf %s "$entry" | cut -d: -f3,4)"; fi ;;
  esac
done
echo end
`;
