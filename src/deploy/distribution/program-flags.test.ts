import assert from 'node:assert/strict';
import { test } from 'node:test';
import { desiredSteps } from '../desired/desired.ts';
import { contentOf } from '../desired/step.ts';
import { checkHosts } from '../plan/preflight.ts';
import { factsThatFit, testInventory, testMaterial } from '../test-material.ts';
import { fitFlags, flagsInHelp, type UpstreamPrograms, unknownFlags } from './program-flags.ts';

/** As the programs of 1.20 print them: names, types and columns are theirs. */
const KUBELET_HELP = `Usage:
  kubelet [flags]

Flags:
      --bootstrap-kubeconfig string                              Path to a file
      --cert-dir string                                          A directory, with --kubeconfig (default "/var/lib/kubelet/pki")
      --config string                                            A file
      --container-runtime string                                 The runtime (default "docker")
      --container-runtime-endpoint string                        [Experimental] The endpoint
      --hostname-override string                                 A name
      --kubeconfig string                                        A file
      --root-dir string                                          A directory (default "/var/lib/kubelet")
  -v, --v Level                                                  number for the log level verbosity
      --version version[=true]                                   Print version information and quit
`;
const program = (help: string) => ({ content: contentOf(help), flags: flagsInHelp(help) });
const programs: UpstreamPrograms = new Map([
  ['kubelet', program(KUBELET_HELP)],
  ['kube-apiserver', program('      --etcd-servers strings   List\n      --secure-port int   A port\n')],
]);
const inventory = await testInventory({ distribution: { type: 'upstream', programs: '/somewhere' } });
const fileAt = (path: string) => {
  const material = { ...testMaterial, programs };
  const steps = desiredSteps(inventory, inventory.hosts[0]!, material, { sysctls: new Set(), device: 'eth0' });
  const found = steps.find((step) => step.type === 'file' && step.path === path);
  return found?.type === 'file' ? Buffer.from(found.content.bytes).toString() : undefined;
};

test('flags are read out of what a program says of itself, and not out of what it says of them', () => {
  const flags = flagsInHelp(KUBELET_HELP);
  assert.deepEqual(
    ['v', 'version', 'cert-dir', 'container-runtime'].map((name) => flags.has(name)),
    [true, true, true, true],
  );
  assert.equal(flags.size, 10);
});

test('flags that a program does not know are left out of ours, and never of the user’s', () => {
  assert.deepEqual(fitFlags({ v: '2', 'no-such': 'x' }, programs.get('kubelet')), { v: '2' });
  assert.deepEqual(fitFlags({ v: '2', 'no-such': 'x' }, undefined), { v: '2', 'no-such': 'x' });
  const flags = { kubelet: { v: '4', 'no-such': 'x' }, 'kube-proxy': { 'no-such': 'x' } };
  assert.deepEqual(unknownFlags({ flags, hosts: [{ flags: {} }, { flags: { 'kube-apiserver': { v: '1' } } }] }, programs), [
    'flags.kubelet.no-such',
    'hosts[1].flags.kube-apiserver.v',
  ]);
});

test('hosts get the programs themselves, with their own flags; all else stays Muster’s', () => {
  assert.equal(fileAt('/usr/bin/kubelet'), KUBELET_HELP);
  assert.match(fileAt('/etc/kubernetes/kubelet') ?? '', /--container-runtime=remote \\\n +--container-runtime-endpoint=unix:/);
  assert.doesNotMatch(fileAt('/etc/kubernetes/kubelet-config.yaml') ?? '', /containerRuntimeEndpoint/);
  assert.doesNotMatch(fileAt('/etc/kubernetes/apiserver') ?? '', /--audit-log-path/);
  assert.match(fileAt('/etc/kubernetes/apiserver') ?? '', /--etcd-servers=https:/);
  assert.equal(fileAt('/usr/bin/muster'), 'the program');
  assert.equal(fileAt('/usr/bin/kube-proxy'), undefined);
});

test('kube-proxy of others ends where it cannot set the limit of connections: there it is told to leave it', () => {
  const proxyFile = (fixedConntrack: boolean, own = programs) => {
    const material = { ...testMaterial, programs: own };
    const steps = desiredSteps(inventory, inventory.hosts[0]!, material, { sysctls: new Set(), device: 'eth0', fixedConntrack });
    const found = steps.find((step) => step.type === 'file' && step.path === '/etc/kubernetes/kube-proxy.yaml');
    return found?.type === 'file' ? Buffer.from(found.content.bytes).toString() : '';
  };
  const theirs: UpstreamPrograms = new Map([...programs, ['kube-proxy', program('      --config string   A file\n')]]);
  assert.match(proxyFile(true, theirs), /conntrack:\n {2}maxPerCore: 0\n/);
  assert.doesNotMatch(proxyFile(false, theirs), /conntrack/);
  assert.doesNotMatch(proxyFile(true), /conntrack/, 'Muster’s own goes on without');
});

test('a kubelet of others that would not start is told before anything is done', () => {
  const host = inventory.hosts[0]!;
  const fit = factsThatFit(desiredSteps(inventory, host, { ...testMaterial, programs }, { sysctls: new Set(), device: 'eth0' }));
  const told = (facts: typeof fit) => {
    const { problems, warnings } = checkHosts(inventory, new Map([[host.name, facts]]), 'x64', new Map());
    return [...problems, ...warnings].map(({ message }) => message).join('\n');
  };
  assert.match(told(fit), /has no \/dev\/kmsg, without which the kubelet of distribution\.type "upstream" does not start/);
  const sysctls = new Map([['net.netfilter.nf_conntrack_max', { value: '65536', writable: false }]]);
  const whole = { ...fit, files: new Map([...fit.files, ['/dev/kmsg', { type: 'other' } as const]]), sysctls };
  assert.doesNotMatch(told(whole), /kmsg/);
  assert.match(told(whole), /kube-proxy leaves net\.netfilter\.nf_conntrack_max as it is/);
});

test('what upstream’s programs cannot do is refused by name', async () => {
  await assert.rejects(testInventory({ distribution: { type: 'upstream' } }), /distribution\.programs: is missing/);
  await assert.rejects(
    testInventory({ distribution: { programs: '/x' } }),
    /distribution\.programs: is for distribution\.type "upstream"/,
  );
  const hosts = [{ name: 'a', address: '192.168.20.31', roles: ['master', 'worker'] }];
  await assert.rejects(testInventory({ distribution: { type: 'upstream', programs: '/x' }, hosts }), /needs etcd/);
});
