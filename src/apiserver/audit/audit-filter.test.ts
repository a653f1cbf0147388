import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unauthorized } from '../../api/machinery/status-error.ts';
import { anonymousUser } from '../authentication/identities.ts';
import type { RequestContext, ServerResponse } from '../contracts.ts';
import type { AuditBackend } from './audit-backend.ts';
import type { AuditEvent } from './audit-event.ts';
import { createAuditFilters } from './audit-filter.ts';
import type { AuditMetrics } from './audit-metrics.ts';
import type { AuditPolicy } from './audit-policy.ts';

test('whose certificate does not verify is recorded as nobody, who tried it with a certificate', async () => {
  const events: AuditEvent[] = [];
  const seen: string[] = [];
  const decision = { level: 'Metadata', omitStages: new Set(), omitManagedFields: false };
  const { failedAuthentication } = createAuditFilters({
    policy: {
      decide({ user }: { user: { name: string } }) {
        seen.push(user.name);
        return decision;
      },
    } as unknown as AuditPolicy,
    backend: {
      async process(batch: AuditEvent[]) {
        events.push(...batch);
        return true;
      },
    } as unknown as AuditBackend,
    metrics: { recorded() {}, level() {}, rejected() {} } as unknown as AuditMetrics,
    clock: { now: () => 0 } as never,
  });
  const context = {
    request: {
      headers: {},
      path: '/api/v1/namespaces/default/pods/a',
      query: new URLSearchParams(),
      remoteAddress: '127.0.0.1',
      peerCertificateError: 'self-signed certificate',
    },
    info: {
      isResourceRequest: true,
      verb: 'get',
      apiGroup: '',
      apiVersion: 'v1',
      resource: 'pods',
      namespace: 'default',
      name: 'a',
    },
    user: anonymousUser,
    warnings: [],
  } as unknown as RequestContext;
  const refused = failedAuthentication(async () => {
    throw unauthorized();
  });
  await assert.rejects(refused(context, {} as ServerResponse), { code: 401 });
  const [event, ...more] = events;
  assert.equal(more.length, 0);
  assert.deepEqual([event!.stage, event!.user, seen], ['ResponseStarted', { name: '', groups: [] }, ['']]);
  const { code, message } = event!.responseStatus as { code: number; message: string };
  assert.deepEqual([code, message], [401, 'Authentication failed, attempted: x509']);
});
