import { formatTable } from '../std/table-text.ts';
import { visibleLine, visibleText } from '../std/visible-text.ts';
import { type CalendarEntry, calendar } from './calendar.ts';
import { diagnose } from './checks/all-checks.ts';
import { counted, day } from './checks/check.ts';
import { compareRuns, type RunDifference } from './compare.ts';
import { type Finding, pageOf, type Severity } from './finding.ts';
import type { NotSeen, Observations } from './observations.ts';

/** What one run of the doctor found; what `-o json` prints and `--since` reads. */
export interface DoctorReport {
  readonly kind: 'DoctorReport';
  readonly server: string;
  /** RFC 3339. */
  readonly time: string;
  /** Null when they could not be looked at. */
  readonly nodes: number | null;
  readonly findings: readonly Finding[];
  readonly calendar: readonly {
    readonly where: string;
    readonly subject: string;
    readonly notAfter: string;
    readonly daysLeft: number;
  }[];
  readonly notSeen: readonly NotSeen[];
  readonly since?: RunDifference;
}

export function makeReport(seen: Observations, before?: DoctorReport): DoctorReport {
  const findings = diagnose(seen);
  const entry = ({ certificate, daysLeft }: CalendarEntry) => ({
    where: certificate.where,
    subject: certificate.subject,
    notAfter: new Date(certificate.notAfterMs).toISOString(),
    daysLeft,
  });
  return {
    kind: 'DoctorReport',
    server: seen.server,
    time: new Date(seen.nowMs).toISOString(),
    nodes: seen.nodes?.length ?? null,
    findings,
    calendar: calendar(seen).map(entry),
    notSeen: seen.notSeen,
    ...(before && { since: compareRuns(before, findings) }),
  };
}

const EXIT: Readonly<Record<Severity, number>> = { error: 4, warning: 3, info: 0 };

/** 4 when something is wrong, 3 when something soon will be, else 0. */
export const exitStatus = ({ findings }: DoctorReport): number =>
  findings.reduce((worst, { severity }) => Math.max(worst, EXIT[severity]), 0);

const SHOWN_CERTIFICATES = 10;
const SHOWN_SUBJECTS = 8;

/** What is said of many in the same words, as of all nodes that were set up alike, is said once; where the first stood. */
function together(findings: readonly Finding[]): Iterable<readonly Finding[]> {
  return Map.groupBy(findings, ({ code, severity, message, evidence, remedy }) =>
    JSON.stringify([code, severity, message, evidence, remedy]),
  ).values();
}

function someOf(subjects: readonly string[]): string {
  const left = subjects.length - SHOWN_SUBJECTS;
  return `${subjects.slice(0, SHOWN_SUBJECTS).join(', ')}${left > 0 ? ` and ${left} more (-o json)` : ''}`;
}

/** For people. */
export function reportText({ server, nodes, findings, calendar: entries, notSeen, since }: DoctorReport): string {
  // Nodes, hosts and the API are quoted in all of it.
  const lines = [`${server}, ${nodes === null ? 'nodes not looked at' : counted(nodes, 'node')}`, ''];
  for (const [{ code, severity, subject, message, evidence, remedy }, ...alike] of together(findings))
    lines.push(
      ...[
        `${severity.toUpperCase()} ${code} ${subject}`,
        ...(alike.length > 0 ? [`  and ${someOf(alike.map((finding) => finding.subject))}`] : []),
        `  ${message}`,
        `  seen: ${evidence}`,
        `  mend: ${remedy}`,
        `  see:  ${pageOf(code)}`,
      ].map(visibleLine),
      '',
    );
  if (findings.length === 0) lines.push('Nothing is wrong as far as could be seen.', '');
  if (since)
    lines.push(
      `since ${since.time}: ${since.appeared.length} new, ${since.gone.length} gone`,
      ...since.gone.map((key) => visibleLine(`  gone: ${key}`)),
      '',
    );
  if (entries.length > 0) {
    lines.push('Certificates, by the day they end:');
    const rows = entries
      .slice(0, SHOWN_CERTIFICATES)
      .map(({ where, subject, notAfter, daysLeft }) => [
        `  ${day(Date.parse(notAfter))}`,
        daysLeft < 0 ? 'ended' : counted(daysLeft, 'day'),
        where,
        subject,
      ]);
    lines.push(
      visibleText(formatTable(rows).trimEnd()),
      ...(entries.length > SHOWN_CERTIFICATES ? [`  and ${entries.length - SHOWN_CERTIFICATES} more (-o json)`] : []),
      '',
    );
  }
  if (notSeen.length > 0) lines.push('Not looked at:', ...notSeen.map(({ what, why }) => visibleLine(`  ${what}: ${why}`)), '');
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length;
  lines.push(
    [counted(count('error'), 'error'), counted(count('warning'), 'warning'), counted(count('info'), 'remark')].join(', '),
  );
  return `${lines.join('\n')}\n`;
}
