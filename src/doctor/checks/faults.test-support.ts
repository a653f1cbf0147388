/** Clusters and hosts with one thing wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostObservations, HostUnit, Observations } from '../observations.ts';
import { diagnose } from './all-checks.ts';
import {
  at,
  BINDINGS,
  type binding,
  certificate,
  node,
  observations,
  probe,
  ROLES,
  SETTINGS,
} from './observations.test-support.ts';

export const rbac = (...bindings: (typeof BINDINGS)[keyof typeof BINDINGS][]) => ({ rbac: { roles: ROLES, bindings } });
export const withBinding = (...more: ReturnType<typeof binding>[]) => ({
  rbac: { roles: ROLES, bindings: [...Object.values(BINDINGS), ...more] },
});
export const withSettings = (changes: object) => ({ nodes: [node({ configz: { ...SETTINGS, ...changes } })] });
export const withProbe = (changes: Parameters<typeof probe>[0]) => ({ nodes: [node({ probe: probe(changes) })] });
export const served = (changes: Parameters<typeof certificate>[0]) =>
  withProbe({ certificate: certificate({ names: ['10.0.0.1'], ...changes }) });
export const host = (changes: Partial<HostObservations>) => ({
  hosts: [
    {
      ...{
        hostName: 'node-1',
        prefix: '',
        ...{ clockOffsetMs: undefined, joining: undefined, kubeletClient: undefined },
        swapAreas: [],
        certificates: [],
        keys: [],
        brokenLinks: [],
        units: [],
        missing: [],
        accountKeys: [],
      },
      pauseImages: { runtime: undefined, kubelet: undefined },
      ...{ kubeletFile: undefined, proxyFile: undefined, unreadable: [], workDirectory: undefined, localPorts: undefined },
      ...changes,
    },
  ],
});
export const unitOf = (component: string, flags: Record<string, string>): HostUnit => ({
  ...{ component, path: `/etc/systemd/system/${component}.service` },
  flags: new Map(Object.entries({ ...(component === 'kube-apiserver' && { 'enable-bootstrap-token-auth': 'true' }), ...flags })),
  ...{ user: undefined, whole: true, lost: [], requires: [] },
});
export const keyOf = (mode: string) => ({ mode, owner: 'root', path: '/etc/kubernetes/pki/ca.key' });
export const approved = { conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: at(-10 * 60_000) }] };

/** A fault, the code of its finding, and what it changes in a healthy cluster. */
export type Fault = [fault: string, code: string, changes: Partial<Observations>];

/** A test for each: it has its one finding, and no other. */
export function testFaults(faults: readonly Fault[]): void {
  for (const [fault, code, changes] of faults)
    test(`${code}: ${fault}, and nothing else`, () => {
      const findings = diagnose(observations(changes));
      assert.deepEqual(
        findings.map((finding) => finding.code),
        [code],
      );
      for (const { message, evidence, remedy } of findings)
        for (const text of [message, evidence, remedy]) assert.notEqual(text, '');
    });
}
