import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Inventory } from '../../api/config/v1/inventory.ts';
import type { BundledPackage } from '../bundle/bundle.ts';
import { debPackage } from '../bundle/packages.ts';
import { planHost } from '../plan/plan-host.ts';
import { factsThatFit, testInventory, testMaterial } from '../test-material.ts';
import { desiredSteps } from './desired.ts';
import { sysctlsOf } from './preparation.ts';
import { contentOf, type FileStep, PHASES, type Step } from './step.ts';

const stepsOf = (inventory: Inventory, name: string): Step[] =>
  desiredSteps(inventory, inventory.hosts.find((host) => host.name === name)!, testMaterial, {
    sysctls: new Set(sysctlsOf(inventory).keys()),
    device: 'eth0',
    programs: new Set(),
  });
const fileIn = (steps: readonly Step[], path: string): FileStep => {
  const found = steps.find((step) => step.type === 'file' && step.path === path);
  assert.ok(found?.type === 'file', `${path} is not there`);
  return found;
};
const textIn = (steps: readonly Step[], path: string) => Buffer.from(fileIn(steps, path).content.bytes).toString();
const paths = (steps: readonly Step[]) => steps.flatMap((step) => ('path' in step ? [step.path] : []));
const services = (steps: readonly Step[]) => steps.flatMap((step) => (step.type === 'unit' ? [step.name.split('.')[0]] : []));

const CONTROL = 'Package: conntrack\nVersion: 1\nArchitecture: amd64\n';
const mixed = await testInventory();
/** Every role on hosts of its own. */
const separate = await testInventory({
  hosts: [
    ...['e1', 'e2', 'e3'].map((name, i) => ({ name, address: `192.168.20.1${i}`, roles: ['etcd'] })),
    ...['m1', 'm2'].map((name, i) => ({ name, address: `192.168.20.2${i}`, roles: ['master'] })),
    { name: 'w1', address: '192.168.20.30', roles: ['worker'] },
  ],
  endpoint: { address: '192.168.20.200', port: 8443, loadBalancer: 'haproxy' },
});

test('INST-04, INST-05: masters get the programs of the control plane, workers kubelet and kube-proxy alone', () => {
  const programs = (name: string) => paths(stepsOf(separate, name)).filter((path) => path.startsWith('/usr/bin/'));
  assert.deepEqual(
    programs('m1').filter((path) => path !== '/usr/bin/muster'),
    ['/usr/bin/kube-apiserver', '/usr/bin/kube-controller-manager', '/usr/bin/kube-scheduler'],
  );
  assert.deepEqual(
    programs('w1').filter((path) => path !== '/usr/bin/muster'),
    ['/usr/bin/kubelet', '/usr/bin/kube-proxy'],
  );
  assert.deepEqual(programs('e1'), []);
});

test('M-24: no connection takes a port that something of the cluster listens on', async () => {
  const reserved = (inventory: Inventory) => sysctlsOf(inventory).get('net.ipv4.ip_local_reserved_ports');
  assert.equal(
    reserved(separate),
    '2379-2380,6443,8443,8472,9153,10248-10250,10256-10257,10259,10262,30000-32767',
    'balancer, flannel and DNS among them',
  );
  const other = await testInventory({
    apiServer: { port: 8080 },
    endpoint: { address: '192.168.20.200', port: 8443, loadBalancer: 'external' },
    network: { plugin: 'calico', dns: 'none', nodePorts: '20000-20100' },
  });
  assert.equal(reserved(other), '2379-2380,8080,9091,10248-10250,10256-10257,10259,20000-20100');
});

test('network policies are kept on workers, by the network itself or by a service beside it, and not in a network that is not ours', async () => {
  const of = async (plugin: string) => {
    const inventory = await testInventory({ network: { plugin } });
    return { inventory, steps: stepsOf(inventory, inventory.hosts[0]!.name) };
  };
  for (const plugin of ['flannel', 'bridge']) {
    const { inventory, steps } = await of(plugin);
    const text = textIn(steps, '/etc/systemd/system/network-policy.service');
    const name = inventory.hosts[0]!.name;
    assert.match(
      text,
      new RegExp(`^ExecStart=/usr/bin/muster network-policy --kubeconfig=\\S+ --hostname-override=${name}$`, 'm'),
    );
    assert.equal(fileIn(steps, '/etc/kubernetes/network-policy.kubeconfig').mode, 0o600);
    assert.ok(services(steps).includes('network-policy'));
  }
  for (const plugin of ['calico', 'none']) assert.ok(!services((await of(plugin)).steps).includes('network-policy'), plugin);
  assert.ok(!services(stepsOf(separate, 'm1')).includes('network-policy'));
});

test('HOST-06: user kube reads its kubeconfigs by access lists where the host can make them, by its group elsewhere', async () => {
  const path = '/etc/kubernetes/kube-scheduler.kubeconfig';
  const knowing = (inventory: Inventory, programs: ReadonlySet<string> | undefined, packages: readonly BundledPackage[] = []) =>
    desiredSteps(
      inventory,
      inventory.hosts[0]!,
      { ...testMaterial, packages },
      {
        ...{ sysctls: new Set<string>(), device: 'eth0' },
        ...(programs && { programs }),
      },
    );
  const rightsOf = (steps: readonly Step[]) => {
    const { mode, owner, group, reader } = fileIn(steps, path);
    return { mode, owner, group, reader };
  };
  const listed = { mode: 0o640, owner: 'root', group: 'root', reader: 'kube' };
  const grouped = { mode: 0o640, owner: 'root', group: 'kube', reader: undefined };
  assert.deepEqual(rightsOf(knowing(mixed, new Set(['setfacl']))), listed);
  assert.deepEqual(rightsOf(knowing(mixed, new Set())), grouped);
  // Asked for before it is known.
  assert.deepEqual(rightsOf(knowing(mixed, undefined)), listed);
  const skipped = await testInventory({ preparation: { acl: 'skip' } });
  assert.deepEqual(rightsOf(knowing(skipped, new Set(['setfacl']))), grouped);
  // Keys keep their group.
  assert.equal(fileIn(knowing(mixed, new Set(['setfacl'])), '/etc/kubernetes/ssl/apiserver.key').group, 'kube');
  const content = contentOf('a package');
  const control = 'Package: acl\nVersion: 1\nArchitecture: amd64\n';
  const bundled = { ...debPackage('acl.deb', control, content.bytes), content };
  const steps = knowing(mixed, new Set(), [bundled]);
  assert.deepEqual(rightsOf(steps), listed);
  assert.deepEqual(
    steps.flatMap((step) => (step.type === 'packages' ? step.names : [])),
    ['acl'],
  );
  const [one, other] = [knowing(mixed, new Set(['setfacl'])), knowing(mixed, new Set())];
  for (const [is, wanted] of [
    [one, other],
    [other, one],
  ] as const)
    assert.deepEqual(
      planHost(wanted, factsThatFit(is)).map(({ title }) => title),
      ['file /etc/kubernetes/kube-controller-manager.kubeconfig', `file ${path}`],
    );
  assert.deepEqual(planHost(one, factsThatFit(one)), []);
});

test('INST-06, INST-07: programs belong to root, may be run by all, and have the label of programs', () => {
  const { mode, owner, group, label } = fileIn(stepsOf(mixed, 'a'), '/usr/bin/muster');
  assert.deepEqual({ mode, owner, group, label }, { mode: 0o755, owner: 'root', group: 'root', label: 'bin_t' });
});

test('INST-08: programs lie where the inventory says, and units run them there', async () => {
  const steps = stepsOf(await testInventory({ distribution: { directory: '/opt/k8s/bin' } }), 'a');
  assert.ok(paths(steps).includes('/opt/k8s/bin/kubelet') && !paths(steps).some((path) => path.startsWith('/usr/bin/')));
  assert.match(textIn(steps, '/etc/systemd/system/kubelet.service'), /^ExecStart=\/opt\/k8s\/bin\/kubelet \$KUBELET_ARGS$/m);
});

test('INST-09: what a host lacks is installed before the programs that need it', () => {
  const content = { bytes: Buffer.from('package'), sha256: 'a'.repeat(64) };
  const bundled: BundledPackage = { ...debPackage('conntrack.deb', CONTROL, content.bytes), content };
  const steps = desiredSteps(
    mixed,
    mixed.hosts[0]!,
    { ...testMaterial, packages: [bundled] },
    {
      ...{ sysctls: new Set<string>(), device: 'eth0', programs: new Set<string>() },
    },
  );
  const packages = steps.findIndex(({ type }) => type === 'packages');
  assert.ok(packages >= 0 && packages < steps.findIndex((step) => step.type === 'file' && step.path === '/usr/bin/muster'));
});

test('CRI-01: the runtime is prepared, installed and configured: containerd, out of the bundle where a host lacks it', () => {
  const bytes = Buffer.from('package');
  const control = 'Package: containerd\nVersion: 1\nArchitecture: amd64\n';
  const bundled = { ...debPackage('containerd.deb', control, bytes), content: { bytes, sha256: 'a'.repeat(64) } };
  const install = (there: string[]) =>
    desiredSteps(
      separate,
      separate.hosts.at(-1)!,
      { ...testMaterial, packages: [bundled] },
      {
        ...{ sysctls: new Set<string>(), device: 'eth0', programs: new Set(there) },
      },
    ).flatMap((step) => (step.type === 'packages' ? step.names : []));
  assert.deepEqual(install([]), ['containerd']);
  assert.deepEqual(install(['containerd']), []);
});

test('CRI-02, KAPI-37: the kubelet’s unit requires and follows the runtime’s, which must run before, and is of root', async () => {
  for (const unit of ['containerd.service', 'docker.service']) {
    const runtime = { unit, endpoint: 'unix:///run/cri-dockerd.sock' };
    const steps = stepsOf(await testInventory({ runtime }), 'a');
    const text = textIn(steps, '/etc/systemd/system/kubelet.service');
    assert.match(text, new RegExp(`^After=${unit}$`, 'm'));
    assert.match(text, new RegExp(`^Requires=${unit}$`, 'm'));
    assert.doesNotMatch(text, /^(User|DynamicUser)=/m);
    const at = (wanted: (step: Step) => boolean) => steps.findIndex(wanted);
    const running = at((step) => step.type === 'running' && step.name === unit);
    assert.ok(running >= 0 && running < at((step) => step.type === 'unit' && step.name === 'kubelet.service'));
  }
});

test('HOST-01: SELinux stays as it is: files are labelled, and nothing turns it off', () => {
  const steps = stepsOf(mixed, 'a');
  const labelled = steps.flatMap((step) => ('label' in step && step.label ? [`${step.path} ${step.label}`] : []));
  assert.deepEqual(labelled, ['/var/lib/kubelet svirt_sandbox_file_t', '/usr/bin/muster bin_t']);
  assert.ok(!paths(steps).some((path) => path.startsWith('/etc/selinux')));
});

test('HOST-02: firewalld is stopped and disabled where it runs, unless the inventory keeps it', async () => {
  const steps = stepsOf(mixed, 'a');
  const facts = factsThatFit(steps);
  const running = { load: 'loaded', active: 'active', enabled: 'enabled', fingerprint: '' };
  const planned = planHost(steps, { ...facts, units: new Map([...facts.units, ['firewalld.service', running] as const]) });
  assert.deepEqual(
    planned.map(({ action, title, lines }) => [action, title, lines]),
    [['stop', 'service firewalld.service', ['- active, enabled', '+ inactive, disabled']]],
  );
  const kept = stepsOf(await testInventory({ preparation: { firewalld: 'keep' } }), 'a');
  assert.ok(!kept.some((step) => step.type === 'stopped'));
});

test('HOST-06: user kube can read the kubeconfigs of its services, and nobody else but root can', () => {
  const steps = stepsOf(mixed, 'a');
  for (const name of ['kube-controller-manager', 'kube-scheduler']) {
    const { mode, owner, group } = fileIn(steps, `/etc/kubernetes/${name}.kubeconfig`);
    assert.deepEqual({ mode, owner, group }, { mode: 0o640, owner: 'root', group: 'kube' });
    assert.match(textIn(steps, `/etc/systemd/system/${name}.service`), /^User=kube$/m);
  }
  const { mode, owner, group } = fileIn(steps, '/etc/kubernetes/admin.kubeconfig');
  assert.deepEqual({ mode, owner, group }, { mode: 0o600, owner: 'root', group: 'root' });
});

test("KCM-07, KCM-22, KCM-24: the authority's own key signs; flags of the inventory stand over what deploy sets", async () => {
  const given = { logtostderr: 'true', v: '4', 'experimental-cluster-signing-duration': '8760h0m0s' };
  const steps = stepsOf(await testInventory({ flags: { 'kube-controller-manager': given } }), 'a');
  const text = textIn(steps, '/etc/kubernetes/controller-manager');
  assert.match(text, /--cluster-signing-cert-file=\/etc\/kubernetes\/ssl\/ca\.pem \\\n/);
  assert.match(text, /--cluster-signing-key-file=\/etc\/kubernetes\/ssl\/ca\.key \\\n/);
  for (const [name, value] of Object.entries(given)) assert.equal(text.split(`--${name}=`)[1]?.split(/[ "]/)[0], value);
});

test('KCM-03: at the port of the controller manager too, only the front proxy speaks for others', () => {
  for (const file of ['apiserver', 'controller-manager'])
    assert.match(textIn(stepsOf(mixed, 'a'), `/etc/kubernetes/${file}`), /--requestheader-allowed-names=front-proxy-client /);
});

test('SCH-02, SCH-05, SCH-06, SCH-07: one scheduler works at a time, and asks the API server who may look at it', () => {
  const text = textIn(stepsOf(mixed, 'a'), '/etc/kubernetes/scheduler');
  const kubeconfig = '/etc/kubernetes/kube-scheduler.kubeconfig';
  for (const word of [
    'leader-elect=true',
    ...['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map((name) => `${name}=${kubeconfig}`),
  ])
    assert.ok(text.includes(`--${word}`), word);
});

test('ETCD-05: the pod network keeps what it knows in the cluster, and gets no key of etcd', async () => {
  const steps = stepsOf(await testInventory({ network: { plugin: 'calico' } }), 'a');
  const unit = textIn(steps, '/etc/systemd/system/calico-node.service');
  assert.match(unit, /--kubeconfig=\/etc\/kubernetes\/calico-node\.kubeconfig/);
  assert.doesNotMatch(unit, /etcd/i);
});

test('ETCD-07, HA-05: etcd, masters and workers on hosts of their own; each gets its part and no key of the others', () => {
  assert.deepEqual(services(stepsOf(separate, 'e1')), ['etcd']);
  const control = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'coredns'];
  assert.deepEqual(services(stepsOf(separate, 'm1')), ['haproxy', 'keepalived', ...control]);
  assert.deepEqual(services(stepsOf(separate, 'w1')), ['kubelet', 'kube-proxy', 'flanneld', 'network-policy']);
  const urls = ['10', '11', '12'].map((last) => `https://192.168.20.${last}:2379`).join(',');
  assert.ok(textIn(stepsOf(separate, 'm1'), '/etc/kubernetes/apiserver').includes(`--etcd-servers=${urls} \\`));
  assert.ok(!paths(stepsOf(separate, 'e1')).some((path) => path.startsWith('/etc/kubernetes/')));
  assert.ok(!paths(stepsOf(separate, 'w1')).some((path) => /etcd|ca\.key|service-account/.test(path)));
});

test('HA-06: three hosts with a kubelet each, beside a master', async () => {
  const addresses = ['10.40.61.116', '10.40.58.153', '10.40.58.154'];
  const inventory = await testInventory({
    hosts: [
      { name: 'm', address: '10.40.58.1', roles: ['master'] },
      ...addresses.map((address, i) => ({ name: `n${i}`, address })),
    ],
  });
  for (const [i, address] of addresses.entries()) {
    const steps = stepsOf(inventory, `n${i}`);
    assert.deepEqual(services(steps), ['kubelet', 'kube-proxy', 'flanneld', 'network-policy']);
    assert.match(textIn(steps, '/etc/kubernetes/kubelet-config.yaml'), new RegExp(`^address: ${address}$`, 'm'));
  }
});

test('every host is made in one order of phases', () => {
  for (const { name } of separate.hosts) {
    const order = stepsOf(separate, name).map(({ phase }) => PHASES.indexOf(phase));
    assert.deepEqual(
      order,
      [...order].sort((a, b) => a - b),
    );
  }
});
