import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AuditEvent, formatEvent } from './audit-event.ts';

test('who acts as another is recorded as both, with the verb that allowed it for some requests only', () => {
  const event: AuditEvent = {
    level: 'Metadata',
    auditID: 'a',
    stage: 'ResponseComplete',
    requestURI: '/api/v1/pods',
    verb: 'list',
    user: { name: 'admin', groups: [] },
    impersonatedUser: { name: 'jane', groups: ['system:authenticated'] },
    sourceIPs: ['10.0.0.1'],
    userAgent: '',
    requestReceivedMs: 0,
    stageMs: 0,
    annotations: new Map(),
  };
  const fields = (more: Partial<AuditEvent>) =>
    JSON.parse(formatEvent({ ...event, ...more }, { named: false })) as Record<string, unknown>;
  const constrained = fields({ impersonationConstraint: 'impersonate:user-info' });
  assert.deepEqual(constrained['impersonatedUser'], { username: 'jane', groups: ['system:authenticated'] });
  assert.deepEqual(constrained['authenticationMetadata'], { impersonationConstraint: 'impersonate:user-info' });
  assert.equal(Object.hasOwn(fields({}), 'authenticationMetadata'), false);
});
