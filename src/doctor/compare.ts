import { CodedError } from '../std/coded-error.ts';
import type { Finding } from './finding.ts';
import type { DoctorReport } from './report.ts';

export interface RunDifference {
  readonly time: string;
  /** `DOC-401 node/node-1` */
  readonly appeared: readonly string[];
  readonly gone: readonly string[];
}

const keyOf = ({ code, subject }: Pick<Finding, 'code' | 'subject'>) => `${code} ${subject}`;

/** Which findings are new, and which are gone. */
export function compareRuns(before: DoctorReport, findings: readonly Finding[]): RunDifference {
  const [old, now] = [new Set(before.findings.map(keyOf)), new Set(findings.map(keyOf))];
  return { time: before.time, appeared: [...now].filter((key) => !old.has(key)), gone: [...old].filter((key) => !now.has(key)) };
}

/** Reads what `-o json` printed. @throws CodedError */
export function readReport(text: string, path: string): DoctorReport {
  const refuse = (problem: string) => new CodedError(`--since: ${path} ${problem}`, { code: 'REPORT_INVALID' });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw refuse('is not JSON');
  }
  const report = document as Partial<DoctorReport> | null;
  if (report?.kind !== 'DoctorReport' || typeof report.time !== 'string' || !Array.isArray(report.findings))
    throw refuse('is no report of muster doctor -o json');
  for (const finding of report.findings as unknown[])
    if (typeof (finding as Finding | null)?.code !== 'string' || typeof (finding as Finding).subject !== 'string')
      throw refuse('holds a finding without code or subject');
  return report as DoctorReport;
}
