import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../test/harness/temporary-directory.ts';
import { runProgram } from '../host/run-program.ts';
import { createAuthority } from '../pki/authority.ts';
import { generatePrivateKey } from '../pki/keys.ts';
import { host as hostWith, unitOf } from './checks/faults.test-support.ts';
import { at, certificate, DAY_MS, NOW_MS, node, nodeObject, observations } from './checks/observations.test-support.ts';
import type { Observations } from './observations.ts';
import { planRescue, type RescueQuestion, rescueText } from './rescue-plan.ts';

const paths = {
  bootstrapKubeconfig: '/tmp/bootstrap.kubeconfig',
  kubelet: {
    bootstrapKubeconfig: '/etc/kubernetes/bootstrap-kubelet.conf',
    kubeconfig: '/etc/kubernetes/kubelet.conf',
    certificateDirectory: '/var/lib/kubelet/pki',
  },
};
const silent = node({
  node: nodeObject({ name: 'node-2', address: '10.0.0.2', ready: { status: 'Unknown', reason: 'NodeStatusUnknown' } }),
  lease: { spec: { renewTime: at(-420 * DAY_MS) } },
  clientTtlSeconds: undefined,
});
const planOf = (seen: Partial<Observations>, question: Partial<RescueQuestion> = {}) =>
  planRescue(observations(seen), { names: [], hosts: [], paths, mayJoin: true, approves: true, ...question });

test('silent nodes are to be rescued, step by step, and what they had is kept', () => {
  const plan = planOf({ nodes: [node(), silent] });
  assert.deepEqual(
    plan.nodes.map(({ name, why }) => [name, why]),
    [['node-2', 'it is silent, last heard of 420 days ago (NodeStatusUnknown)']],
  );
  const steps = plan.nodes[0]!.steps.join('\n');
  assert.match(steps, /^ssh root@10\.0\.0\.2 openssl x509 -noout -enddate/);
  assert.match(steps, /scp -p \/tmp\/bootstrap\.kubeconfig root@10\.0\.0\.2:\/etc\/kubernetes\/bootstrap-kubelet\.conf/);
  assert.match(steps, /mv .*kubelet-client-\* .*pki\.before\//);
  assert.match(rescueText(plan, undefined), /^This is a plan: nothing has been done/m);
  assert.match(rescueText(plan, '/tmp/b'), /^\/tmp\/b holds a bootstrap token of one hour\. What is left to be done:$/m);
});

test('what keeps everybody out is told first; who is well or unknown is told, too', () => {
  const certificates = [certificate({ where: 'kubeconfig authority', isCa: true, notAfterMs: NOW_MS - 1 })];
  const plan = planOf(
    { nodes: [node(), silent], certificates },
    { names: ['node-1', 'node-9'], mayJoin: false, approves: false },
  );
  assert.deepEqual([plan.nodes, plan.refused, plan.unknown], [[], [{ name: 'node-1', why: 'it is Ready' }], ['node-9']]);
  assert.match(plan.first.join('\n'), /authority has expired.*\n.*clusterrolebinding.*\n.*kubectl certificate approve/);
  assert.match(rescueText(planOf({}), undefined), /nobody is to be rescued/);
});

test('a host whose certificate holds and is of an authority that was replaced is to be rescued', async () => {
  const life = { notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS + DAY_MS };
  const [ours, before] = await Promise.all(['now', 'before'].map((commonName) => createAuthority({ commonName, ...life })));
  const { publicKeyDer } = await generatePrivateKey();
  const pem = await before!.issue({ commonName: 'system:node:node-1', publicKeyDer, usages: ['client auth'], ...life });
  const host = hostOf(NOW_MS + DAY_MS);
  const hosts = [{ ...host, seen: { ...host.seen, kubeletClient: { path: '/c/kubelet-client-current.pem', pem } } }];
  assert.deepEqual(planOf({ clientAuthorityPem: before!.certificatePem }, { hosts }).nodes, []);
  const [lost] = planOf({ clientAuthorityPem: ours!.certificatePem }, { hosts }).nodes;
  assert.equal(lost!.why, 'its client certificate is of an authority that the API server does not take');
});

/** A host whose unit has other paths than kubeadm's. */
function hostOf(notAfterMs: number | undefined, flags: Record<string, string> = {}) {
  const own = { 'bootstrap-kubeconfig': '/b', kubeconfig: '/k', 'cert-dir': '/c', 'hostname-override': 'node-1', ...flags };
  const where = 'm1:/c/kubelet-client-current.pem';
  const [seen] = hostWith({
    prefix: 'm1:',
    units: [unitOf('kubelet', own)],
    certificates: [
      // Of a kubelet that ran with other flags once.
      certificate({ where: 'm1:/var/lib/kubelet/pki/kubelet-client-current.pem', notAfterMs: NOW_MS + 9 * DAY_MS }),
      ...(notAfterMs === undefined ? [] : [certificate({ where, notAfterMs })]),
    ],
  }).hosts;
  return { target: 'root@m1', seen: seen! };
}

test('what its host shows counts before what the cluster has heard, and where its unit has its files', () => {
  const [lost] = planOf({}, { hosts: [hostOf(NOW_MS - 400 * DAY_MS)] }).nodes;
  assert.equal(lost!.why, 'its client certificate ran out 400 days ago'); // though the cluster still calls it Ready
  assert.deepEqual(lost!.paths, { bootstrapKubeconfig: '/b', kubeconfig: '/k', certificateDirectory: '/c' });
  assert.match(lost!.steps.join('\n'), /scp -p \/tmp\/bootstrap\.kubeconfig root@m1:\/b\n/);
  // A host that lost its files, and one whose Node is gone.
  assert.equal(planOf({}, { hosts: [hostOf(undefined)] }).nodes[0]!.why, 'it has no client certificate');
  assert.equal(planOf({ nodes: [] }, { hosts: [hostOf(NOW_MS - 1)] }).nodes[0]!.name, 'node-1');
});

test('a line that is copied runs itself, whatever a host calls its paths or a node its address', async () => {
  const evil = "'; touch pwned; '";
  const address = 'x; touch pwned';
  const silentOne = node({
    node: nodeObject({ name: 'node-2', address, ready: { status: 'Unknown', reason: '' } }),
    lease: undefined,
  });
  const steps = [
    ...planOf({}, { hosts: [hostOf(undefined, { 'cert-dir': `/c${evil}`, kubeconfig: `/k${evil}` })] }).nodes,
    ...planOf({ nodes: [silentOne] }).nodes,
  ].flatMap((lost) => lost.steps);
  await using directory = await temporaryDirectory();
  const { stdout } = await runProgram('sh', ['-s'], {
    input: `ssh() { echo "ssh $1"; }; scp() { :; }; muster() { :; }; kubectl() { :; }\n${steps.join('\n')}\n`,
    directory: directory.path,
  });
  assert.ok(stdout.split('\n').includes(`ssh root@${address}`));
  assert.deepEqual(await readdir(directory.path), []);
});

test('a node whose certificate holds is refused, silent as it may be, and so is one that could not join', () => {
  const why = (...words: Parameters<typeof hostOf>) => {
    const { nodes, refused } = planOf({ nodes: [] }, { hosts: [hostOf(...words)] });
    assert.deepEqual(nodes, []);
    return refused[0]!.why;
  };
  assert.match(why(NOW_MS + 20 * DAY_MS), /^its client certificate ends in 20 days, so that it needs no other/);
  const { seen, target } = hostOf(NOW_MS - 1);
  const [unit] = seen.units;
  const flags = new Map([...unit!.flags].filter(([flag]) => flag !== 'bootstrap-kubeconfig'));
  const without = { target, seen: { ...seen, units: [{ ...unit!, flags }] } };
  assert.match(planOf({}, { hosts: [without] }).refused[0]!.why, /has no --bootstrap-kubeconfig/);
  const bare = { target, seen: { ...seen, units: [], hostName: 'node-1' } };
  assert.match(planOf({}, { hosts: [bare] }).refused[0]!.why, /no unit of the kubelet/);
});
