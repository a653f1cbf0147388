import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from '../../host/run-program.ts';
import type { Change } from '../plan/plan-host.ts';
import { testInventory } from '../test-material.ts';
import { checkClocks, checkHost, checkPlan, formatChecks, parseHostState } from './checks.ts';
import { verifyScript } from './verify-script.ts';

test('a host tells its time with what is looked at on it', async () => {
  const before = Math.floor(Date.now() / 1000);
  const { stdout } = await runProgram('sh', ['-c', verifyScript([], '/no/kubeconfig', '/no/directory')]);
  const { time } = parseHostState(stdout);
  assert.ok(time >= before && time <= Date.now() / 1000, String(time));
});

test('a clock that goes wrong is told by the host that has it', () => {
  const askedAt = new Map(['a', 'b', 'c'].map((name) => [name, { from: 1000, to: 1001 }]));
  const at = (c: number) => [checkClocks(new Map(Object.entries({ a: 1000, b: 1001, c })), askedAt)].flat();
  assert.equal(formatChecks(at(1020)), 'ok    the clocks of all hosts agree\nall 1 checks hold\n');
  assert.match(
    formatChecks(at(1600)),
    /^FAIL {2}the clocks of all hosts agree: c: its clock is 59\d s ahead of that of b; 30 are allowed \(chronyc makestep[^)]*\)\n/,
  );
  assert.match(formatChecks(at(400)), /c: its clock is 59\d s behind that of a/);
});

test('what differs on a host from the inventory is damage, and named without its content', async () => {
  const inventory = await testInventory();
  const file = (path: string) => ({
    ...{ action: 'change' as const, title: `file ${path}`, lines: ['- one', '+ other'] },
    step: { type: 'file', path } as unknown as Change['step'],
  });
  const restart: Change = {
    ...{ action: 'restart', title: 'service kubelet.service', lines: [] },
    step: { type: 'unit', name: 'kubelet.service' } as unknown as Change['step'],
  };
  const check = (changes: readonly Change[]) =>
    checkPlan(inventory, { host: 'm1', changes, joins: false, rejoins: false, needsNetwork: false });
  assert.deepEqual(check([]), {
    title: "m1: files, settings and services are the inventory's",
    holds: true,
    found: 'nothing differs',
  });
  const certificate = file('/etc/kubernetes/ssl/apiserver.pem');
  assert.equal(
    formatChecks([check([certificate, restart])]).split('\n')[0],
    'FAIL  m1: files, settings and services are the inventory\'s: "apply" would change file /etc/kubernetes/ssl/apiserver.pem, restart service kubelet.service',
  );
  assert.match(check(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => file(`/etc/${name}`))).found, /file \/etc\/d, 2 more$/);
  // A newer build where one deploys is no damage to the hosts.
  assert.equal(check([file('/usr/bin/muster'), restart]).holds, true);
  assert.equal(check([file('/usr/bin/muster'), certificate]).holds, false);
});

test("a mode of the kubelet's own files that is too open is told with what mends it", async () => {
  const inventory = await testInventory();
  const state = parseHostState('file\t/etc/kubernetes/kubelet.kubeconfig\t644 root\ntime\t1\nend\n');
  const worker = inventory.hosts.find(({ roles }) => roles.includes('worker'))!;
  const found = checkHost(inventory, worker, state).find(({ title }) => title.includes('kubelet.kubeconfig'))?.found;
  assert.equal(
    found,
    '644 root; on the host: chown root /etc/kubernetes/kubelet.kubeconfig && chmod 600 /etc/kubernetes/kubelet.kubeconfig',
  );
});
