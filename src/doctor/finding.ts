export type Severity = 'error' | 'warning' | 'info';

/** One thing that is not as it should be. */
export interface Finding {
  /** Never changes its meaning. */
  readonly code: `DOC-${number}`;
  readonly severity: Severity;
  /** What it is about: `node/node-1`, `secret/kube-system/bootstrap-token-abcdef`. With the code it names the finding. */
  readonly subject: string;
  /** What is wrong, in one sentence. */
  readonly message: string;
  /** What was seen. Never a secret. */
  readonly evidence: string;
  readonly remedy: string;
}

export const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info'];

/** Where the finding is explained, from the top of the package. */
export const pageOf = (code: string): string => `docs/doctor.md#${code.toLowerCase()}`;

/** What is but a sign of something else, whose finding is to stand before it: nodes that are silent or not there, requests that wait. */
const SIGNS: ReadonlySet<string> = new Set(['DOC-301', 'DOC-302', 'DOC-401', 'DOC-403', 'DOC-411']);

/** The worst first, causes before their signs, then by code and subject. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  const key = ({ severity, code, subject }: Finding) =>
    `${SEVERITIES.indexOf(severity)} ${Number(SIGNS.has(code))} ${code} ${subject}`;
  return [...findings].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
