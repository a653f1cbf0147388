import { withoutTrailing } from '../../std/trailing.ts';
import { type Answer, type ApiRequest, errorAnswer, plainAnswer } from './api-exchange.ts';
import type { KubeletView } from './kubelet-view.ts';

export interface HealthCheck {
  readonly name: string;
  /** Undefined when all is well. */
  check(): string | undefined;
}

export function healthChecks(view: Pick<KubeletView, 'unhealthy'>): readonly HealthCheck[] {
  return [
    { name: 'ping', check: () => undefined },
    { name: 'log', check: () => undefined },
    { name: 'syncloop', check: () => view.unhealthy() },
  ];
}

/** `/healthz` and `/healthz/<check>`, on :10248 and on the secured port; with `verbose` and `exclude` as component health has them. */
export function healthPage(checks: readonly HealthCheck[], { path, query }: Pick<ApiRequest, 'path' | 'query'>): Answer {
  const name = withoutTrailing(path, '/').slice('/healthz'.length + 1);
  if (name !== '') {
    const one = checks.find((check) => check.name === name);
    if (!one) return errorAnswer(404, '404 page not found');
    const why = one.check();
    return why === undefined ? plainAnswer(200, 'ok') : errorAnswer(500, `internal server error: ${why}`);
  }
  const excluded = new Set(query.getAll('exclude'));
  let failed = false;
  let lines = '';
  for (const { name: checked, check } of checks) {
    if (excluded.delete(checked)) {
      lines += `[+]${checked} excluded: ok\n`;
      continue;
    }
    const why = check();
    if (why !== undefined) failed = true;
    // The reason is for those who may see the check by its own path.
    lines += why === undefined ? `[+]${checked} ok\n` : `[-]${checked} failed: reason withheld\n`;
  }
  if (excluded.size > 0) {
    const names = [...excluded].map((unknown) => JSON.stringify(unknown)).join(', ');
    lines += `warn: some health checks cannot be excluded: no matches for ${names}\n`;
  }
  if (failed) return errorAnswer(500, `${lines}healthz check failed`);
  return plainAnswer(200, query.has('verbose') ? `${lines}healthz check passed\n` : 'ok');
}
