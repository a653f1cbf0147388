import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daemonSetKind } from '../apps/v1/daemon-set.ts';
import { deploymentKind } from '../apps/v1/deployment.ts';
import { jobKind } from '../batch/v1/job.ts';
import { certificateSigningRequestKind } from '../certificates/v1/certificate-signing-request.ts';
import { podKind } from '../core/v1/pod.ts';
import { secretKind } from '../core/v1/secret.ts';
import { endpointSliceKind } from '../discovery/v1/endpoint-slice.ts';
import { ingressKind } from '../networking/v1/ingress.ts';
import { networkPolicyKind } from '../networking/v1/network-policy.ts';
import type { KindDefinition } from './kind.ts';

/** More than a call takes as arguments. */
const MANY = 150_000;

test('more errors than a stack holds are told as errors', async () => {
  const wrong = Object.fromEntries(Array.from({ length: MANY }, (_, i) => [`!${i}`, '']));
  const spec = { containers: [{ name: 'c', image: 'a' }], nodeSelector: wrong };
  const template = { metadata: { labels: { a: 'b' } }, spec };
  const workload = { selector: { matchLabels: { a: 'b' } }, template };
  const objects: readonly (readonly [KindDefinition, object])[] = [
    [secretKind, { data: wrong }],
    [podKind, { spec }],
    [deploymentKind, { spec: workload }],
    [daemonSetKind, { spec: workload }],
    [networkPolicyKind, { spec: { podSelector: {}, ingress: [{ ports: Array(MANY).fill({ port: 0 }) }] } }],
    [ingressKind, { spec: { rules: Array(MANY).fill({ host: '!' }) } }],
    [endpointSliceKind, { addressType: 'IPv4', endpoints: [{ addresses: Array(MANY).fill('x') }] }],
    [certificateSigningRequestKind, { spec: { request: 'YQ==', signerName: 'a.b/c', usages: Array(MANY).fill('x') } }],
    [jobKind, { spec: { template: { ...template, spec: { ...spec, restartPolicy: 'Never' } } } }],
  ];
  for (const [kind, object] of objects) {
    await kind.loadFirst?.();
    const errors = kind.validate?.({ metadata: { name: 'x', namespace: 'y' }, ...object } as never, {} as never) ?? [];
    assert.ok(errors.length >= MANY, `${kind.kind}: ${errors.length}`);
  }
});
