import type { BootstrapToken } from '../../cluster/bootstrap-token.ts';

/**
 * How long until `ms` milliseconds have passed, in one unit, as kubeadm and kubectl print it
 * (apimachinery/pkg/util/duration/duration.go, ShortHumanDuration).
 */
export function shortHumanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h`;
  return hours < 24 * 365 ? `${Math.floor(hours / 24)}d` : `${Math.floor(hours / 24 / 365)}y`;
}

/** RFC 3339 with the offset of this machine's zone, `Z` for UTC. */
export function formatLocalTime(ms: number): string {
  const offsetMinutes = -new Date(ms).getTimezoneOffset();
  const local = new Date(ms + offsetMinutes * 60_000).toISOString().slice(0, 19);
  if (offsetMinutes === 0) return `${local}Z`;
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  const size = Math.abs(offsetMinutes);
  return `${local}${offsetMinutes < 0 ? '-' : '+'}${two(size / 60)}:${two(size % 60)}`;
}

const HEADER = ['TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS'];
/** kubeadm pads these columns, so that rows printed one by one still line up. */
const LEAST_WIDTHS = [23, 9, 20, 22, 56, 0];

/** `kubeadm token list -o text`: rows by token id; nothing at all when there are no tokens. */
export function formatTokenTable(tokens: readonly BootstrapToken[], nowMs: number): string {
  if (tokens.length === 0) return '';
  const rows = [HEADER, ...sortTokens(tokens).map((token) => cells(token, nowMs))];
  const widths = LEAST_WIDTHS.map((least, column) => Math.max(least, ...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => `${row.map((cell, c) => (c === row.length - 1 ? cell : cell.padEnd(widths[c]! + 3))).join('')}\n`)
    .join('');
}

function cells(token: BootstrapToken, nowMs: number): string[] {
  return [
    `${token.id}.${token.secret}`,
    token.expiresMs === undefined ? '<forever>' : shortHumanDuration(token.expiresMs - nowMs),
    token.expiresMs === undefined ? '<never>' : formatLocalTime(token.expiresMs),
    token.usages.join(',') || '<none>',
    token.description || '<none>',
    token.groups.join(',') || '<none>',
  ];
}

function sortTokens(tokens: readonly BootstrapToken[]): BootstrapToken[] {
  return [...tokens].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The objects of `kubeadm token list -o json|yaml` (kubeadm/app/apis/output/v1alpha3). */
export function tokenDocuments(tokens: readonly BootstrapToken[]): object[] {
  return sortTokens(tokens).map((token) => ({
    kind: 'BootstrapToken',
    apiVersion: 'output.kubeadm.k8s.io/v1alpha3',
    token: `${token.id}.${token.secret}`,
    ...(token.description && { description: token.description }),
    ...(token.expiresMs !== undefined && { expires: `${new Date(token.expiresMs).toISOString().slice(0, 19)}Z` }),
    ...(token.usages.length > 0 && { usages: token.usages }),
    ...(token.groups.length > 0 && { groups: token.groups }),
  }));
}
