import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlagError, parseFlags } from '../std/flags.ts';
import { readCommandConfig } from './command-config.ts';
import { apiserverFlags } from './command-flags.ts';

const read = (...argv: string[]) => readCommandConfig(parseFlags('kube-apiserver', apiserverFlags, argv));

/** ACCEPTANCE section 12, but for flags that name files. */
const DOCUMENTED = [
  '--allow-privileged=true',
  '--secure-port=6443',
  '--insecure-port=0',
  '--bind-address=192.168.20.31',
  '--etcd-cafile=/etc/kubernetes/ssl/ca.pem',
  '--etcd-certfile=/etc/kubernetes/ssl/etcd.pem',
  '--etcd-keyfile=/etc/kubernetes/ssl/etcd.key',
  '--authorization-mode=RBAC,Node',
  '--kubelet-https=true',
  '--anonymous-auth=false',
  '--apiserver-count=3',
  '--audit-log-maxage=30',
  '--audit-log-maxbackup=7',
  '--audit-log-maxsize=100',
  '--event-ttl=1h',
  '--logtostderr=true',
  '--enable-bootstrap-token-auth',
  '--max-requests-inflight=3000',
  '--delete-collection-workers=3',
  '--service-cluster-ip-range=10.0.0.0/12',
  '--service-node-port-range=30000-35000',
  '--default-not-ready-toleration-seconds=10',
  '--default-unreachable-toleration-seconds=10',
  '--etcd-servers=https://192.168.20.31:2379,https://192.168.20.32:2379',
  '--enable-admission-plugins=NamespaceLifecycle,LimitRanger,ServiceAccount,DefaultStorageClass,ResourceQuota,NodeRestriction',
  '--etcd-prefix=/elsewhere',
];

test('every flag of the documents is taken', () => {
  const { server, store } = read(...DOCUMENTED, '--store=memory');
  assert.equal(store, 'memory');
  assert.equal(server.storagePrefix, '/elsewhere');
  assert.deepEqual(server.security.authorizationModes, ['RBAC', 'Node']);
  assert.equal(server.security.anonymousAuth, false);
  assert.equal(server.security.enableBootstrapTokenAuth, true);
  assert.equal(server.eventTtlSeconds, 3600);
  // Instead of the newer flags.
  const old = read('--store=memory', '--admission-control=ServiceAccount').server;
  assert.deepEqual(old.security.admissionControl, ['ServiceAccount']);
});

test('the old feature gate brings back token Secrets', () => {
  const gate = (value: string) => read('--store=memory', `--feature-gates=LegacyServiceAccountTokenNoAutoGeneration=${value}`);
  assert.equal(gate('false').server.security.legacyServiceAccountTokenAutoGeneration, true);
  assert.equal(gate('true').server.security.legacyServiceAccountTokenAutoGeneration, false);
});

test('feature gates that are looked at are set, by their stage as well; others are named', () => {
  const { server, gatesRemark } = read('--store=memory', '--feature-gates=AllBeta=false,RotateKubeletServerCertificate=true');
  assert.deepEqual(
    server.features?.map(({ name, enabled }) => [name, enabled]),
    [
      ['AuthorizePodWebsocketUpgradeCreatePermission', false],
      ['LegacyServiceAccountTokenNoAutoGeneration', true],
      ['UnauthenticatedHTTP2DOSMitigation', false],
    ],
  );
  assert.deepEqual([server.kubelet?.webSocketsNeedCreate, server.keepsAnonymousConnections], [false, true]);
  assert.equal(gatesRemark, 'feature gates that switch nothing in this kube-apiserver: RotateKubeletServerCertificate');
  assert.throws(() => read('--store=memory', '--feature-gates=A=perhaps'), FlagError);
});

test('flags of today that change nothing here say so, and one that would sign tokens elsewhere is refused', () => {
  const names = ['peer-ca-file', 'peer-advertise-ip', 'coordinated-leadership-lease-duration', 'tls-curve-preferences'];
  const value = (name: string) => (name.endsWith('duration') ? '15s' : 'x');
  const { warnings } = parseFlags('kube-apiserver', apiserverFlags, [
    '--store=memory',
    ...names.map((name) => `--${name}=${value(name)}`),
  ]);
  assert.deepEqual(
    warnings,
    names.map((name) => `Flag --${name} is accepted but has no effect in this kube-apiserver`),
  );
  assert.throws(() => read('--store=memory', '--service-account-signing-endpoint=/run/signer.sock'), {
    message: /^--service-account-signing-endpoint: tokens are signed with the key of/,
  });
});

test('times of the shutdown are not negative', () => {
  const { server } = read('--store=memory', '--shutdown-watch-termination-grace-period=90s');
  assert.equal(server.shutdownWatchTerminationMs, 90_000);
  for (const flag of ['shutdown-watch-termination-grace-period', 'shutdown-delay-duration'])
    assert.throws(() => read('--store=memory', `--${flag}=-1s`), { message: `--${flag} can not be negative value` });
});

test('an etcd is the store when its servers are named, with what servers that share it need to know', () => {
  const { store, etcd, server } = read(
    '--etcd-servers=http://a:2379,http://b',
    '--apiserver-count=3',
    '--etcd-compaction-interval=0',
  );
  assert.equal(store, 'etcd=http://a:2379,http://b');
  assert.deepEqual([etcd?.access.compactionIntervalMs, etcd?.access.healthTimeoutMs, etcd?.access.tls], [0, 2000, undefined]);
  assert.deepEqual([server.peers?.endpointReconciler, server.peers?.apiserverCount], ['lease', 3]);
  assert.equal(read('--store=memory').server.peers, undefined);
});

test('browsers are told of HTTPS by the directives that were given', () => {
  const told = (...argv: string[]) => read('--store=memory', ...argv).server.strictTransportSecurity;
  assert.equal(told(), undefined);
  assert.equal(
    told('--strict-transport-security-directives=max-age=31536000,includeSubDomains'),
    'max-age=31536000; includeSubDomains',
  );
});

test('no flag is defined twice', () => {
  const names = apiserverFlags.map(({ name }) => name);
  assert.deepEqual(
    names.filter((name, i) => names.indexOf(name) !== i),
    [],
  );
});

test('audit, encryption and front proxies come from their flags; without a policy file nothing is recorded', () => {
  const { server } = read(
    '--store=memory',
    '--audit-policy-file=/p',
    '--audit-log-path=/l',
    '--audit-log-maxage=30',
    '--encryption-provider-config=/e',
    '--enable-aggregator-routing',
  );
  const { policyFile, log } = server.audit!;
  assert.deepEqual([policyFile, log?.maxAgeDays, log?.maxBackups, log?.maxSizeMb, log?.mode], ['/p', 30, 100, 100, 'blocking']);
  assert.deepEqual(server.encryption, { path: '/e', automaticReload: false });
  assert.equal(server.aggregation?.routeToEndpoints, true);
  const without = read('--store=memory', '--audit-log-maxage=30', '--audit-log-maxbackup=7', '--audit-log-maxsize=100');
  assert.equal(without.server.audit, undefined);
});

test('what cannot be done is refused, naming the flag', () => {
  const cases: [string[], RegExp][] = [
    [['--etcd-servers=a:2379'], /--etcd-servers: "a:2379" is no URL of an etcd member/],
    [['--etcd-servers=https://a', '--etcd-cafile=/none/ca'], /--etcd-cafile: open \/none\/ca: no such file or directory/],
    [['--etcd-servers=https://a', '--etcd-keyfile=/none/k'], /--etcd-certfile is missing/],
    [
      ['--etcd-servers=http://a', '--endpoint-reconciler-type=guess'],
      /--endpoint-reconciler-type=guess: use lease, master-count/,
    ],
    [['--etcd-servers=http://a', '--apiserver-count=0'], /--apiserver-count=0 must be a positive number/],
    [['--etcd-servers=http://a', '--etcd-servers-overrides=/events#http://b'], /--etcd-servers-overrides is not offered/],
    [[], /--etcd-servers must be specified, or --store/],
    [['--store=floppy'], /--store=floppy: use sqlite or memory/],
    [['--store=memory', '--insecure-port=8080'], /--insecure-port=8080: only 0 is allowed/],
    [['--store=memory', '--client-ca-file=/none/ca.pem'], /--client-ca-file: open \/none\/ca\.pem: no such file or directory/],
    [['--store=memory', '--token-auth-file=/none/t.csv'], /--token-auth-file: open \/none\/t\.csv: no such file/],
    [['--store=memory', '--service-cluster-ip-range=10.0.0.0'], /--service-cluster-ip-range: .*"10\.0\.0\.0" is no CIDR/],
    [['--store=memory', '--service-node-port-range=9-1'], /--service-node-port-range: "9-1" is no range of ports/],
    [['--store=memory', '--service-account-key-file=/none/k'], /--service-account-key-file: open \/none\/k: no such file/],
    [['--store=memory', '--tls-cert-file=/none/c'], /--tls-cert-file is given without --tls-private-key-file/],
    [['--store=memory', '--authorization-mode=ABAC'], /authorization-mode ABAC's authorization policy file not passed/],
    [['--store=memory', '--authorization-mode=Guess'], /--authorization-mode: Guess is not one of/],
    [['--store=memory', '--oidc-issuer-url=https://x'], /oidc-issuer-url and oidc-client-id must be specified together/],
    [['--store=memory', '--audit-log-mode=sometimes', '--audit-log-path=-'], /invalid audit log mode sometimes/],
    [['--store=memory', '--tracing-config-file=/t.yaml'], /--tracing-config-file: traces are not sent from here/],
    [
      ['--store=memory', '--strict-transport-security-directives=max-age=1,always'],
      /--strict-transport-security-directives: "always" is none of max-age=expireTime, includeSubDomains, preload/,
    ],
    [['--store=memory', '--proxy-client-key-file=/none/k'], /--proxy-client-cert-file is missing/],
  ];
  for (const [argv, message] of cases)
    assert.throws(
      () => read(...argv),
      (error: unknown) => error instanceof FlagError && message.test(error.message),
      argv.join(' '),
    );
});

test('admission plugins that nobody has are refused before a store is asked for', () => {
  const cases: [string[], RegExp][] = [
    [['--enable-admission-plugins=Foo'], /--enable-admission-plugins: enable-admission-plugins plugin "Foo" is unknown/],
    [['--disable-admission-plugins=foo'], /--disable-admission-plugins: disable-admission-plugins plugin "foo" is unknown/],
    [['--enable-admission-plugins=PodSecurityPolicy'], /--enable-admission-plugins: not offered here: PodSecurityPolicy/],
  ];
  for (const [argv, message] of cases)
    assert.throws(() => read('--store=memory', ...argv), { message, code: 'ADMISSION_PLUGINS' });
  read('--store=memory', '--enable-admission-plugins=PersistentVolumeLabel,AlwaysAdmit');
});

test('a chance to be sent away, and certificates by name, are read as upstream reads them', () => {
  assert.equal(read('--store=memory', '--goaway-chance=0.02').server.goawayChance, 0.02);
  for (const chance of ['0.03', '-0.01'])
    assert.throws(
      () => read('--store=memory', `--goaway-chance=${chance}`),
      /--goaway-chance can not be less than 0 or greater than 0\.02/,
    );
  const own = import.meta.filename;
  const { named } = read('--store=memory', `--tls-sni-cert-key=${own}, ${own}`, `--tls-sni-cert-key=${own},${own}:*.a.b,c`).files;
  assert.deepEqual(named, [
    { certificate: own, key: own, names: [] },
    { certificate: own, key: own, names: ['*.a.b', 'c'] },
  ]);
  assert.throws(
    () => read('--store=memory', `--tls-sni-cert-key=${own}`),
    /expected comma separated certificate and key file paths/,
  );
  assert.throws(
    () => read('--store=memory', '--tls-sni-cert-key=/nowhere,/nowhere'),
    /--tls-sni-cert-key: open \/nowhere: no such file/,
  );
});

test('the old name of the first delay of the audit webhook is taken', () => {
  const flags = ['--store=memory', '--audit-policy-file=p', '--audit-webhook-config-file=k'];
  assert.equal(read(...flags).server.audit?.webhook?.initialBackoffMs, 10_000);
  assert.equal(read(...flags, '--audit-webhook-batch-initial-backoff=3s').server.audit?.webhook?.initialBackoffMs, 3_000);
});
