import { quote } from '../../std/shell-word.ts';

/** Looks at one host's services, files and sockets as the runbooks do by hand, and prints `what<TAB>value…` lines, `end` as the last. */
export function verifyScript(units: readonly string[], kubeconfig: string, directory: string): string {
  return `
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
for unit in ${units.map(quote).join(' ')}; do
  pid=$(systemctl show -p MainPID --value "$unit")
  printf 'unit\\t%s\\t%s\\t%s\\t%s\\n' "$unit" "$(systemctl is-active "$unit")" "$(systemctl is-enabled "$unit" 2>/dev/null)" "$(cat "/proc/$pid/comm" 2>/dev/null)"
done
for file in ${quote(kubeconfig)} ${quote(directory)}/kubelet*; do
  if [ -L "$file" ]; then printf 'link\\t%s\\t%s\\t%s\\n' "$file" "$(readlink "$file")" "$([ -e "$file" ] && echo there)"
  elif [ -f "$file" ]; then printf 'file\\t%s\\t%s\\n' "$file" "$(stat -c '%a %U' "$file")"; fi
done
printf 'time\\t%s\\n' "$(date +%s)"
sed -n 's/^ *[0-9]*: \\([0-9A-F]*:[0-9A-F]*\\) [0-9A-F]*:[0-9A-F]* 0A .*/socket\\t\\1/p' /proc/net/tcp /proc/net/tcp6
echo end
`;
}
