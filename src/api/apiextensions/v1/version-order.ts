const FORM = /^v(\d+)(?:(alpha|beta)(\d+))?$/;
const RANK: Readonly<Record<string, number>> = { alpha: 0, beta: 1, '': 2 };

/** Newest first, as Kubernetes orders versions: `v2, v1, v1beta2, v1beta1, v1alpha1`, then all others by name. */
export function compareVersions(a: string, b: string): number {
  const x = FORM.exec(a);
  const y = FORM.exec(b);
  if (!x || !y) return x ? -1 : y ? 1 : a < b ? -1 : Number(a > b);
  return RANK[y[2] ?? '']! - RANK[x[2] ?? '']! || Number(y[1]) - Number(x[1]) || Number(y[3] ?? 0) - Number(x[3] ?? 0);
}
