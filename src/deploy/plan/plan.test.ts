import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthority } from '../../pki/authority.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { desiredSteps } from '../desired/desired.ts';
import { sysctlsOf } from '../desired/preparation.ts';
import { programsOf } from '../desired/programs.ts';
import type { Step } from '../desired/step.ts';
import { memberOf } from '../etcd-members/member-facts.ts';
import type { FileFact, HostFacts } from '../facts/facts.ts';
import { factsThatFit, testInventory, testMaterial } from '../test-material.ts';
import { lineDiff } from './line-diff.ts';
import { formatPlan, planCluster } from './plan.ts';
import { planHost } from './plan-host.ts';
import { checkHosts } from './preflight.ts';

const inventory = await testInventory();
const known = { sysctls: new Set(sysctlsOf(inventory).keys()), device: 'eth0' };
const stepsOf = (more = inventory): Step[] => desiredSteps(more, more.hosts[0]!, testMaterial, known);
const titles = (steps: readonly Step[], facts: ReturnType<typeof factsThatFit>) =>
  planHost(steps, facts).map(({ title }) => title);

/** A map without one entry, or with another in its place. */
const withEntry = <K, V>(map: ReadonlyMap<K, V>, key: K, value?: V) => {
  const copy = new Map(map);
  if (value === undefined) copy.delete(key);
  else copy.set(key, value);
  return copy;
};

test('nothing is to be done on a host that is as it should be', () => {
  assert.deepEqual(planHost(stepsOf(), factsThatFit(stepsOf())), []);
});

test('an empty host gets everything, programs and files before the services that read them', () => {
  const steps = stepsOf();
  const planned = titles(steps, { ...factsThatFit([]), sysctls: factsThatFit(steps).sysctls });
  const at = (title: string) => {
    const index = planned.indexOf(title);
    assert.ok(index >= 0, `${title} is not planned`);
    return index;
  };
  const order = [
    'account kube',
    'directory /etc/kubernetes/ssl',
    'file /usr/bin/muster',
    'link /usr/bin/kubelet',
    'file /etc/kubernetes/apiserver',
  ];
  const services = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubelet', 'flanneld'].map(
    (name) => `service ${name}.service`,
  );
  const places = [...order, ...services].map(at);
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
  );
});

test('what a host has in a file moves no cursor where it is shown', () => {
  const fit = factsThatFit(stepsOf());
  const path = '/etc/kubernetes/apiserver';
  const there = fit.files.get(path) as FileFact & { type: 'file' };
  const files = withEntry<string, FileFact>(fit.files, path, {
    ...there,
    sha256: 'a'.repeat(64),
    content: '\u001b[2Kgone\u009b1A\n',
  });
  const text = formatPlan(
    planCluster({ inventory, desired: new Map([['a', stepsOf()]]), signer: '' }, new Map([['a', { ...fit, files }]])),
  );
  assert.match(text, /^ {4}- \\x1b\[2Kgone\\x9b1A$/m);
});

test('a service of the host that runs, and would not come back with it, is enabled', () => {
  const fit = factsThatFit(stepsOf());
  const unit = (enabled: string) => ({ load: 'loaded', active: 'active', enabled, fingerprint: '' });
  const planned = (enabled: string) =>
    planHost(stepsOf(), { ...fit, units: withEntry(fit.units, 'containerd.service', unit(enabled)) }).map(
      ({ title, action, lines }) => [title, action, ...lines],
    );
  assert.deepEqual(planned('disabled'), [['service containerd.service', 'change', '- disabled', '+ enabled']]);
  for (const enabled of ['enabled', 'static', 'alias']) assert.deepEqual(planned(enabled), []);
});

test('another flag of one component changes its file and restarts it, and nothing else', async () => {
  const facts = factsThatFit(stepsOf());
  const changed = stepsOf(await testInventory({ flags: { 'kube-scheduler': { v: '4' } } }));
  assert.deepEqual(titles(changed, facts), ['file /etc/kubernetes/scheduler', 'service kube-scheduler.service']);
});

test('another executable restarts all services that run it, and leaves etcd alone', () => {
  const facts = factsThatFit(stepsOf());
  const executable = { bytes: Buffer.from('newer'), sha256: 'e'.repeat(64) };
  const changed = desiredSteps(inventory, inventory.hosts[0]!, { ...testMaterial, executable }, known);
  const restarted = planHost(changed, facts).filter(({ action }) => action === 'restart');
  assert.deepEqual(
    restarted.map(({ title }) => title.split(' ')[1]),
    [
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
      'coredns',
      'kubelet',
      'kube-proxy',
      'flanneld',
      'network-policy',
    ].map((name) => `${name}.service`),
  );
});

test('a service that was killed between its files and its restart is restarted by the next run', () => {
  const steps = stepsOf();
  const facts = factsThatFit(steps);
  const unit = facts.units.get('kubelet.service')!;
  const old = { ...facts, units: withEntry(facts.units, 'kubelet.service', { ...unit, fingerprint: '' }) };
  assert.deepEqual(titles(steps, old), ['service kubelet.service']);
});

test('what a file says shows as a diff; what a secret says never does', () => {
  const steps = stepsOf();
  const facts = factsThatFit(steps);
  const secret = '/etc/kubernetes/ssl/ca.key';
  const text = '/etc/modules-load.d/kubernetes.conf';
  const changed = (path: string, content?: string) => {
    const there = facts.files.get(path);
    assert.equal(there?.type, 'file');
    return { ...(there as Extract<typeof there, { type: 'file' }>), sha256: '0'.repeat(64), ...(content && { content }) };
  };
  const files = withEntry(withEntry(facts.files, secret, changed(secret)), text, changed(text, 'overlay\nold_module\n'));
  const changes = planHost(steps, { ...facts, files });
  assert.deepEqual(
    changes.map(({ title, lines }) => [title, lines]),
    [
      [`file ${text}`, ['+ br_netfilter', '- old_module']],
      [`file ${secret}`, [`- ${Buffer.byteLength(testMaterial.authority.key)} bytes`, '+ secret']],
    ],
  );
  assert.doesNotMatch(JSON.stringify(changes.map(({ lines }) => lines)), /key of/);
});

test('a worker gets neither control plane nor the key of the authority', async () => {
  const hosts = [
    { name: 'm', address: '192.168.20.31', roles: ['etcd', 'master'] },
    { name: 'w', address: '192.168.20.32', roles: ['worker'] },
  ];
  const two = await testInventory({ hosts });
  const paths = desiredSteps(two, two.hosts[1]!, testMaterial, known).flatMap((step) => ('path' in step ? [step.path] : []));
  assert.ok(paths.includes('/etc/kubernetes/ssl/ca.pem') && paths.includes('/usr/bin/kubelet'));
  for (const path of ['/etc/kubernetes/ssl/ca.key', '/usr/bin/kube-apiserver', '/etc/kubernetes/admin.kubeconfig', '/etc/etcd'])
    assert.ok(!paths.includes(path), path);
  const master = desiredSteps(two, two.hosts[0]!, testMaterial, known).flatMap((step) => ('path' in step ? [step.path] : []));
  assert.ok(!master.includes('/usr/bin/kubelet'));
});

test('one more worker changes nothing on the hosts that are there', async () => {
  const more = await testInventory({
    hosts: [...inventory.hosts, { name: 'd', address: '192.168.20.34' }].map(({ name, address, ...host }) => ({
      name,
      address,
      roles: 'roles' in host ? host.roles : ['worker'],
    })),
  });
  assert.deepEqual(planHost(stepsOf(more), factsThatFit(stepsOf())), []);
});

test('hosts that are not fit are told with what is wrong, before anything is done', () => {
  const good = new Map(
    inventory.hosts.map((host, i) => {
      const facts = factsThatFit([]);
      const programs = new Set(programsOf(inventory, host).keys());
      return [host.name, { ...facts, machineId: String(i).repeat(32), programs }] as const;
    }),
  );
  const askedAt = new Map(inventory.hosts.map(({ name }) => [name, { from: 1_800_000_000, to: 1_800_000_000.5 }]));
  const problems = (host: string, more: object) =>
    checkHosts(inventory, withEntry(good, host, { ...good.get(host)!, ...more }), 'x64', askedAt).problems.map(
      ({ host: of, message }) => `${of}: ${message}`,
    );
  assert.deepEqual(problems('a', {}), []);
  const held = (user: string, group: string) => ({ holders: { passwd: new Map([[200, user]]), group: new Map([[200, group]]) } });
  assert.deepEqual(problems('a', held('other', 'kube')), [
    'a: number 200, which user kube is to have, is that of user other: preparation.accountId names another',
  ]);
  assert.deepEqual(problems('a', { ...held('kube', 'others'), accounts: new Map([['kube', { uid: 200, gid: 9 }]]) }), []);
  assert.deepEqual(problems('b', { time: 1_800_000_032 }), [
    'b: its clock is 31 s ahead of that of c; 30 are allowed (chronyc makestep, or systemctl restart systemd-timesyncd)',
  ]);
  const asked = (seconds: number) => {
    const spans = new Map(
      inventory.hosts.map(({ name }) => [name, { from: 1_800_000_000 + seconds, to: 1_800_000_001 + seconds }]),
    );
    return checkHosts(inventory, good, 'x64', spans).problems;
  };
  assert.deepEqual([...asked(200), ...asked(-200)], []);
  for (const [seconds, how] of [
    [600, 'the clock here is 599 s ahead of'],
    [-600, 'the clock here is 599 s behind'],
  ] as const)
    assert.deepEqual(
      asked(seconds).map(({ message }) => message),
      [
        `${how} this host's; 240 are allowed, as certificates are made here (chronyc makestep, or systemctl restart systemd-timesyncd)`,
      ],
    );
  assert.deepEqual(problems('b', { time: 1_800_000_030 }), []);
  assert.deepEqual(problems('b', { ports: new Set([2379]) }), ['b: port 2379, which etcd needs, is taken']);
  const stopping = new Map(good.get('b')!.units).set('etcd.service', {
    load: 'loaded',
    active: 'deactivating',
    enabled: 'enabled',
    fingerprint: 'f',
  });
  assert.deepEqual(problems('b', { ports: new Set([2379]), units: stopping }), [], 'a command was ended within a restart');
  assert.match(problems('b', { machineId: '0'.repeat(32) }).join(), /b: is the same machine as a/);
  assert.match(problems('c', { init: 'init' }).join(), /c: runs by init/);
  assert.match(problems('c', { architecture: 'aarch64' }).join(), /c: is aarch64, and the executable is for x86_64/);
  assert.match(problems('c', { diskKiB: 1024 }).join(), /c: has 1 MiB free/);
  assert.match(problems('c', { programs: new Set() }).join(), /c: has no \/usr\/bin\/etcd: install the package etcd-server/);
});

test('a host on which kube-proxy is to use IPVS must have its programs, and is told of when its kernel has none', async () => {
  const wanting = await testInventory({ kubeProxy: { configuration: { mode: 'ipvs' } } });
  const told = (programs: ReadonlySet<string>, loadable: readonly string[]) => {
    const facts = wanting.hosts.map(({ name }, i) => {
      const fitting = { ...factsThatFit([]), programs, loadable: new Set(['overlay', 'br_netfilter', ...loadable]) };
      return [name, { ...fitting, machineId: String(i).repeat(32) }] as const;
    });
    const { problems, warnings } = checkHosts(wanting, new Map(facts), 'x64', new Map());
    const of = (list: typeof problems) => list.flatMap(({ host, message }) => (host === 'a' ? message : []));
    return [of(problems), of(warnings).filter((message) => message.includes('ip_vs'))];
  };
  const [host] = wanting.hosts;
  const all = new Set(programsOf(wanting, host!).keys());
  assert.deepEqual(told(all, ['ip_vs']), [[], []]);
  assert.deepEqual(told(all, []), [
    [],
    ['its kernel has no ip_vs: kube-proxy uses iptables instead of kubeProxy.configuration.mode "ipvs"'],
  ]);
  assert.deepEqual(told(new Set(programsOf(inventory, host!).keys()), ['ip_vs'])[0], [
    'has no ipvsadm: install the package ipvsadm',
    'has no ipset: install the package ipset',
  ]);
});

/** A host on which etcd has begun, with these members. */
function withMember(hostIndex: number, of: typeof inventory, { cluster, state = 'new', hasData = true }: Beginning) {
  const host = of.hosts[hostIndex]!;
  const facts = factsThatFit(desiredSteps(of, host, testMaterial, { ...known, etcd: { cluster, state } }));
  const path = '/etc/systemd/system/etcd.service';
  const unit = facts.files.get(path) as Extract<FileFact, { type: 'file' }>;
  const content = `  --initial-cluster=${cluster} \\\n  --initial-cluster-state=${state} \\\n`;
  const files = new Map([...facts.files, [path, { ...unit, content }] as const]);
  const data = { type: 'directory', mode: 0o700, owner: 'etcd', group: 'etcd' } as const;
  return { ...facts, files: hasData ? withEntry(files, '/var/lib/etcd/muster/member/wal', data) : files };
}
interface Beginning {
  readonly cluster: string;
  readonly state?: 'new' | 'existing';
  readonly hasData?: boolean;
}
const peers = (...names: string[]) => names.map((name) => `${name}=https://${name}:2380`).join(',');
const membersOnly = (facts: ReadonlyMap<string, HostFacts>, adding: readonly string[] = []) =>
  checkHosts(inventory, facts, 'x64', new Map(), undefined, new Set(adding)).problems.flatMap(({ host, message }) =>
    /etcd (add|cluster)/.test(message) ? [`${host}: ${message}`] : [],
  );

test('a member of etcd that has begun keeps what it began with, whoever joins or goes', () => {
  const cluster = peers('a');
  const fact = withMember(0, inventory, { cluster });
  const { beginning, hasBegun } = memberOf(inventory, inventory.hosts[0]!, fact);
  assert.deepEqual([hasBegun, beginning], [true, { cluster, state: 'new' }]);
  const steps = desiredSteps(inventory, inventory.hosts[0]!, testMaterial, { ...known, etcd: beginning! });
  assert.deepEqual(titles(steps, fact), []);
  assert.deepEqual(titles(stepsOf(), fact), ['file /etc/systemd/system/etcd.service', 'service etcd.service']);
});

test('apply leaves it to "etcd add" to let a member into an etcd that runs, to take it in again, and to replace it', () => {
  const bare = factsThatFit([]);
  const a = withMember(0, inventory, { cluster: peers('a', 'b', 'c') });
  assert.deepEqual(
    membersOnly(
      new Map([
        ['a', bare],
        ['b', bare],
      ]),
    ),
    [],
  );
  assert.deepEqual(
    membersOnly(
      new Map([
        ['a', a],
        ['b', bare],
      ]),
    ),
    [],
  );
  const alone = withMember(0, inventory, { cluster: peers('a') });
  assert.deepEqual(
    membersOnly(
      new Map([
        ['a', alone],
        ['b', bare],
      ]),
    ),
    ['b: would be a new member of an etcd cluster that runs already: "muster deploy etcd add b" first'],
  );
  assert.deepEqual(
    membersOnly(
      new Map([
        ['a', alone],
        ['b', bare],
      ]),
      ['b'],
    ),
    [],
  );
  const wiped = withMember(1, inventory, { cluster: peers('a', 'b', 'c'), hasData: false });
  assert.deepEqual(
    membersOnly(
      new Map([
        ['a', a],
        ['b', wiped],
      ]),
    ),
    ['b: has lost the data of its member of etcd: "muster deploy etcd add b" replaces the member'],
  );
  const left = { ...bare, files: withEntry(bare.files, '/var/lib/muster/deploy/etcd-left', a.files.get('/etc/etcd')!) };
  assert.deepEqual(
    membersOnly(
      new Map([
        ['a', a],
        ['b', left],
      ]),
    ),
    ['b: was taken out of etcd: "muster deploy etcd add b" takes it in again'],
  );
});

test('a diff of lines leads from one text to the other', () => {
  assert.deepEqual(lineDiff('a\nb\nc\n', 'a\nx\nc\nd\n'), ['- b', '+ x', '+ d']);
  assert.deepEqual(lineDiff('', 'a\n'), ['+ a']);
  assert.deepEqual(lineDiff('a\n', 'a\n'), []);
});

test('a kubelet whose certificate another authority signed joins again, unless others than the cluster sign', async () => {
  const make = (commonName: string) =>
    createAuthority({ commonName, notBeforeMs: 1_700_000_000_000, notAfterMs: 1_900_000_000_000 });
  const [old, now] = [await make('old'), await make('now')];
  const key = await generatePrivateKey();
  const certificate = await old.issue({
    ...{ commonName: 'system:node:a', usages: ['client auth'], publicKeyDer: key.publicKeyDer },
    ...{ notBeforeMs: 1_700_000_000_000, notAfterMs: 1_800_000_000_000 },
  });
  const rejoins = (signer: string, of = inventory) => {
    const facts = factsThatFit(stepsOf());
    const there = { type: 'file', mode: 0o600, owner: 'root', group: 'root', sizeBytes: 1, sha256: 'a'.repeat(64) } as const;
    const own = {
      ...facts,
      files: withEntry(facts.files, '/etc/kubernetes/kubelet.kubeconfig', there),
      certificates: new Map([['/etc/kubernetes/ssl/kubelet-client-current.pem', certificate]]),
    };
    const [plan] = planCluster({ inventory: of, desired: new Map([['a', stepsOf()]]), signer }, new Map([['a', own]]));
    return [plan?.joins, plan?.rejoins];
  };
  assert.deepEqual(rejoins(old.certificatePem), [false, false]);
  assert.deepEqual(rejoins(now.certificatePem), [false, true]);
  const others = { 'kube-controller-manager': { 'cluster-signing-cert-file': '/etc/others/ca.pem' } };
  assert.deepEqual(rejoins(now.certificatePem, await testInventory({ flags: others })), [false, false]);
});

test('while an authority is replaced hosts trust two, and who signs is told apart', () => {
  const replaced = { ...testMaterial, authority: { ...testMaterial.authority, trust: 'new\nold\n', stage: 'signing' as const } };
  const steps = desiredSteps(inventory, inventory.hosts[0]!, replaced, known);
  const text = (path: string) => {
    const file = steps.find((step) => step.type === 'file' && step.path === path);
    return file?.type === 'file' ? Buffer.from(file.content.bytes).toString() : undefined;
  };
  assert.equal(text('/etc/kubernetes/ssl/ca.pem'), 'new\nold\n');
  assert.equal(text('/etc/kubernetes/ssl/ca-signing.pem'), testMaterial.authority.certificate);
  assert.match(
    text('/etc/kubernetes/controller-manager') ?? '',
    /--cluster-signing-cert-file=\/etc\/kubernetes\/ssl\/ca-signing\.pem/,
  );
  const facts = factsThatFit(steps);
  assert.deepEqual(
    planHost(stepsOf(), facts).flatMap(({ action, title }) => (action === 'remove' ? [title] : [])),
    ['file /etc/kubernetes/ssl/ca-signing.pem', 'file /etc/kubernetes/ssl/ca-signing.key'],
  );
});
