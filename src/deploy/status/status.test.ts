import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthority } from '../../pki/authority.ts';
import { desiredSteps } from '../desired/desired.ts';
import { sysctlsOf } from '../desired/preparation.ts';
import { factsThatFit, testInventory, testMaterial } from '../test-material.ts';
import { UPGRADE_MARK } from '../upgrade/upgrade-scripts.ts';
import { clusterStatus, formatStatus, isWell, type StatusInput } from './status.ts';

const inventory = await testInventory({ hosts: [{ name: 'm1', address: '192.168.20.31', roles: ['master', 'worker'] }] });
const known = { sysctls: new Set(sysctlsOf(inventory).keys()), device: 'eth0' };
const facts = factsThatFit(desiredSteps(inventory, inventory.hosts[0]!, testMaterial, known));
const DAY = 86_400_000;
const ending = (await createAuthority({ commonName: 'x', notBeforeMs: 0, notAfterMs: 50 * DAY })).certificatePem;
const authority = { ...testMaterial.authority, certificate: ending };

const input = (more: Partial<StatusInput> = {}): StatusInput => ({
  inventory,
  material: { ...testMaterial, authority },
  facts: new Map([['m1', { ...facts, certificates: new Map([['/x.pem', ending]]) }]]),
  askedAt: new Map(),
  failures: new Map(),
  plans: [{ host: 'm1', changes: [], joins: false, rejoins: false, needsNetwork: false }],
  state: {
    components: [{ name: 'scheduler', healthy: true, message: 'ok' }],
    requests: [],
    nodes: new Map([['m1', { ready: true, message: '' }]]),
  },
  certificatesOf: () => ['apiserver'],
  renews: false,
  ...more,
});

test('a cluster that is well says so in a line for each host', () => {
  const status = clusterStatus(input());
  assert.ok(isWell(status));
  assert.match(
    formatStatus(status, 0),
    /^kubernetes: its authority ends in 50d\nall components are healthy\n\nHOST .*\nm1 +master,worker +(\d+)\/\1 +current +0 +in 50d +Ready\n$/,
  );
});

test('a firewall that stands still as it should is no service that does not run', () => {
  const units = new Map([
    ...facts.units,
    ['firewalld.service', { load: 'loaded', active: 'inactive', enabled: 'disabled', fingerprint: '' }],
  ]);
  const status = clusterStatus(input({ facts: new Map([['m1', { ...facts, units }]]) }));
  assert.deepEqual(status.hosts[0]!.services?.others, []);
  assert.ok(isWell(status));
});

test('what somebody should see to is told: a host that is away, a service that stands still, what was begun', () => {
  const units = new Map(
    [...facts.units].map(([name, unit]) => [name, name.startsWith('kubelet') ? { ...unit, active: 'failed' } : unit]),
  );
  const failed = clusterStatus(input({ facts: new Map([['m1', { ...facts, units }]]) }));
  assert.equal(isWell(failed), false);
  assert.match(formatStatus(failed, 0), /^m1: not running: kubelet\.service$/m);
  const away = clusterStatus(input({ facts: new Map(), failures: new Map([['m1', 'cannot reach m1']]), state: undefined }));
  assert.equal(isWell(away), false);
  assert.match(
    formatStatus(away, 0),
    /^the API does not answer\nm1: cannot reach m1\n\n[\s\S]*m1 +master,worker +unreachable +unknown/m,
  );
  const bundle = clusterStatus(
    input({ material: { ...testMaterial, authority: { ...authority, stage: 'bundle' } }, renews: true }),
  );
  assert.deepEqual(bundle.unfinished, ['rotation of the certificate authority: bundle', 'renewal of certificates']);
  assert.equal(isWell(bundle), false);
  const wrong = clusterStatus(input({ askedAt: new Map([['m1', { from: facts.time + 600, to: facts.time + 601 }]]) }));
  assert.equal(isWell(wrong), false);
  assert.match(formatStatus(wrong, 0), /^m1: the clock here is 599 s ahead of this host's/m);
});

test('a program is told apart from the one that would be installed', () => {
  const file = facts.files.get('/usr/bin/muster')!;
  const program = (files: typeof facts.files) =>
    clusterStatus(input({ facts: new Map([['m1', { ...facts, files }]]) })).hosts[0]!.program;
  assert.equal(program(facts.files), 'current');
  assert.equal(program(new Map([['/usr/bin/muster', { ...file, sha256: '0'.repeat(64) } as typeof file]])), 'other');
  assert.equal(program(new Map([[UPGRADE_MARK, file]])), 'between two');
  assert.equal(program(new Map()), 'none');
});
