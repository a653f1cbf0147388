import { quote } from '../../std/shell-word.ts';
import { takeHost } from '../apply/agent-lock.ts';
import { JOURNAL } from '../journal.ts';

/** Is there while a host is between two versions. */
export const UPGRADE_MARK = `${JOURNAL}/upgrade/complete`;

const begin = (journal: string) => `
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077
journal=${quote(journal)}
up=$journal/upgrade
${takeHost(journal)}`;

/**
 * Keeps what lies at the paths that it reads, a line each, so that all of it can be put back. What was kept by an upgrade that has not ended
 * stays: it is the last that ran well.
 */
export const snapshotScript = (journal = JOURNAL): string => `${begin(journal)}
if [ -f "$up/complete" ]; then exit 0; fi
rm -rf "$up"
mkdir -p "$up/files" || exit 1
: > "$up/absent"
while IFS= read -r path; do
  if [ -e "$path" ] || [ -L "$path" ]; then
    mkdir -p "$up/files$(dirname "$path")" && cp -a -- "$path" "$up/files$path" || exit 1
  else printf '%s\\n' "$path" >> "$up/absent"; fi
done
cp -a "$journal/units" "$up/units" || exit 1
sync
: > "$up/complete"
sync
`;

/** Puts back what was kept, and restarts services with it. May be run again. */
export const rollBackScript = (units: readonly string[], journal = JOURNAL): string => `${begin(journal)}
if [ ! -f "$up/complete" ]; then exit 0; fi
failed=0
find "$up/files" '(' -type f -o -type l ')' > "$up/list" || exit 1
while IFS= read -r kept; do
  path=\${kept#"$up/files"}
  cp -a -- "$kept" "$path.muster-deploy" && mv -f "$path.muster-deploy" "$path" || exit 1
done < "$up/list"
while IFS= read -r path; do rm -f -- "$path"; done < "$up/absent"
rm -rf "$journal/units"
cp -a "$up/units" "$journal/units" || exit 1
ldconfig 2>/dev/null || :
systemctl daemon-reload
for unit in ${units.map(quote).join(' ')}; do
  systemctl reset-failed "$unit" 2>/dev/null || :
  systemctl restart "$unit" || { printf '%s does not start\\n' "$unit" >&2; failed=1; }
done
if [ "$failed" -eq 0 ]; then rm -rf "$up"; fi
exit "$failed"
`;

/** Forgets what was kept: the host runs well. */
export const keepScript = (journal = JOURNAL): string => `${begin(journal)}
rm -rf "$up"
`;

/** Says of each service whether it runs, as which process, and whether that still runs a program that was replaced. */
export const processScript = (units: readonly string[]): string => `
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
for unit in ${units.map(quote).join(' ')}; do
  pid=$(systemctl show -p MainPID --value "$unit")
  case $(readlink "/proc/$pid/exe" 2>/dev/null) in */muster' (deleted)') program=replaced ;; *) program=current ;; esac
  printf 'unit\\t%s\\t%s\\t%s\\t%s\\n' "$unit" "$(systemctl is-active "$unit")" "$pid" "$program"
done
echo end
`;
