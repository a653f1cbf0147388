import { quote } from '../../std/shell-word.ts';

/** How a service fares. */
export interface UnitReport {
  readonly name: string;
  /** As systemctl(1) says: `active`, `activating` between two tries. */
  readonly state: string;
  /** As its unit says: a service of type `notify` is active only once it has told that it works. */
  readonly type: string;
  /** How often systemd has started it again by itself. */
  readonly restarts: number;
  /** For how long it is active, in seconds; 0 when it is not. */
  readonly activeS: number;
  /** The last thing that it ended by or complained of; empty: nothing. */
  readonly words: string;
}

const LINES = 3000;
const LONGEST = 400;

/**
 * Looks at services; prints `report<TAB>NAME<TAB>STATE<TAB>TYPE<TAB>RESTARTS<TAB>SECONDS<TAB>WORDS` each. Words are the last line that Kubernetes'
 * programs log as fatal (`F1122 …`), else as an error; what Go prints behind a fatal line is of no use to anybody. Of a service that works
 * there are none: its journal is not read.
 *
 * @param graceS how long a service is to have stayed up that does not tell whether it works
 */
export const unitReportScript = (units: readonly string[], graceS: number): string => `
LC_ALL=C
export LC_ALL
uptime=$(cut -d. -f1 /proc/uptime)
for unit in ${units.map(quote).join(' ')}; do
  shown=$(systemctl show -p ActiveState -p Type -p NRestarts -p ActiveEnterTimestampMonotonic "$unit")
  of() { printf '%s\\n' "$shown" | sed -n "s/^$1=//p"; }
  state=$(of ActiveState) type=$(of Type) restarts=$(of NRestarts) since=$(of ActiveEnterTimestampMonotonic)
  seconds=0
  if [ "$state" = active ]; then seconds=$((uptime - \${since:-0} / 1000000)); fi
  if [ "$state" = active ] && [ "$restarts" = 0 ] && { [ "$type" = notify ] || [ "$seconds" -ge ${graceS} ]; }; then
    printf 'report\\t%s\\t%s\\t%s\\t0\\t%s\\t\\n' "$unit" "$state" "$type" "$seconds"
    continue
  fi
  said=$(journalctl -q --no-pager -o cat --since -3min -n ${LINES} -u "$unit" 2>/dev/null | grep -E '^[EF][0-9]{4} |^(muster |kube)[a-z-]*: ' || :)
  words=$(printf '%s\\n' "$said" | grep '^F' | tail -n 1)
  if [ -z "$words" ]; then words=$(printf '%s\\n' "$said" | tail -n 1); fi
  printf 'report\\t%s\\t%s\\t%s\\t%s\\t%s\\t%s\\n' "$unit" "$state" "$type" "$restarts" "$seconds" "$(printf %s "$words" | tr '\\t' ' ' | cut -c 1-${LONGEST})"
done
`;

/** Reads what the script printed; lines that are none of its own are passed over. */
export function parseUnitReports(text: string): UnitReport[] {
  return text.split('\n').flatMap((line) => {
    const [what, name = '', state = '', type = '', restarts = '', seconds = '', words = ''] = line.split('\t');
    return what === 'report' ? [{ name, state, type, restarts: numberIn(restarts), activeS: numberIn(seconds), words }] : [];
  });
}

const numberIn = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : 0);

/** Whether it has told that it works, or has stayed up long enough to be taken for one that does. */
export const isSteady = ({ state, type, activeS }: UnitReport, graceS: number): boolean =>
  state === 'active' && (type === 'notify' || activeS >= graceS);

/** `kubelet.service is activating, started again 4 times: F1122 …` */
export function describeUnit({ name, state, restarts, words }: UnitReport): string {
  const times = restarts === 0 ? '' : `, started again ${restarts} ${restarts === 1 ? 'time' : 'times'}`;
  return `${name} is ${state}${times}${words && `: ${words}`}`;
}
