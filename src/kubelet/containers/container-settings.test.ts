import assert from 'node:assert/strict';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import type { V1Pod, V1PodSpec } from '../../api/gen/types.ts';
import { notFound } from '../../api/machinery/status-error.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { PodPartError } from '../pods/pod-parts.ts';
import { createContainerSettings } from './container-settings.ts';
import { podDns } from './pod-dns.ts';
import { kernelHostname, podHostname } from './pod-hostname.ts';
import { parseResolverFile } from './resolver-file.ts';

const podOf = (spec: Partial<V1PodSpec> = {}, annotations?: Record<string, string>): V1Pod => ({
  metadata: { name: 'web', namespace: 'shop', uid: 'u1', ...(annotations && { annotations }) },
  spec: { containers: [{ name: 'c' }], ...spec },
});

async function setUp(settings: Record<string, unknown> = {}) {
  const directory = await temporaryDirectory();
  await writeFile(directory.file('resolv.conf'), 'nameserver 8.8.8.8\nsearch corp.example. corp.example\noptions rotate\n');
  await writeFile(directory.file('hosts'), '127.0.0.1 localhost\n10.1.1.1 printer\n');
  const events: string[] = [];
  const clock = new VirtualClock(0);
  const services = { list: () => [], hasSynced: true };
  const parts = createContainerSettings({
    context: {
      nodeName: 'node1',
      nodeIps: ['192.0.2.1'],
      node: () => undefined,
      configuration: completeConfiguration({
        clusterDNS: ['10.96.0.10'],
        clusterDomain: 'cluster.local.',
        resolvConf: directory.file('resolv.conf'),
        ...settings,
      }),
      paths: { root: directory.path, logs: '', containerLogs: '' },
      events: {
        event: (subject, type, reason, message) =>
          events.push(`${(subject as V1Pod).kind ?? 'Pod'} ${type} ${reason} ${message}`),
        flush: async () => undefined,
      },
      clock,
      logger: silentLogger,
    },
    objects: {
      configMap: (_, name) => Promise.reject(notFound({ group: '', resource: 'configmaps' }, name)),
      secret: (_, name) => Promise.reject(notFound({ group: '', resource: 'secrets' }, name)),
    },
    services,
    nodeHostsFile: directory.file('hosts'),
  });
  return { directory, events, services, clock, parts, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

test('each DNS policy has its servers, domains and options', async () => {
  await using it = await setUp();
  const cluster = {
    servers: ['10.96.0.10'],
    searches: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example'],
    options: ['ndots:5'],
  };
  const host = { servers: ['8.8.8.8'], searches: ['corp.example', 'corp.example'], options: ['rotate'] };
  assert.deepEqual(await it.parts.dnsOf(podOf({ dnsPolicy: 'ClusterFirst' })), cluster);
  assert.deepEqual(await it.parts.dnsOf(podOf({ dnsPolicy: 'ClusterFirst', hostNetwork: true })), host);
  assert.deepEqual(await it.parts.dnsOf(podOf({ dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true })), cluster);
  assert.deepEqual(await it.parts.dnsOf(podOf({ dnsPolicy: 'Default' })), host);
  const dnsConfig = { nameservers: ['1.1.1.1'], searches: ['a.b'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] };
  assert.deepEqual(await it.parts.dnsOf(podOf({ dnsPolicy: 'None', dnsConfig })), {
    servers: ['1.1.1.1'],
    searches: ['a.b'],
    options: ['ndots:2', 'edns0'],
  });
  const merged = await it.parts.dnsOf(podOf({ dnsPolicy: 'ClusterFirst', dnsConfig }));
  assert.deepEqual(merged.servers, ['10.96.0.10', '1.1.1.1']);
  assert.deepEqual(merged.options, ['ndots:2', 'edns0']);
  assert.deepEqual(it.events, []);
});

test('what exceeds the resolver’s limits is left out and told', async () => {
  await using it = await setUp();
  const searches = Array.from({ length: 40 }, (_, index) => `d${index}.example`);
  const nameservers = ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4'];
  const dns = await it.parts.dnsOf(podOf({ dnsPolicy: 'None', dnsConfig: { nameservers, searches } }));
  assert.equal(dns.searches.length, 32);
  assert.deepEqual(dns.servers, nameservers.slice(0, 3));
  assert.equal(it.events.length, 2);
  assert.equal(
    it.events[0],
    'Pod Warning DNSConfigForming Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 1.1.1.1 2.2.2.2 3.3.3.3',
  );
  assert.match(it.events[1]!, /DNSConfigForming Search Line limits were exceeded/);
});

test('a kubelet without cluster DNS says so and gives the node’s; one without a resolver file turns look-ups off', async () => {
  await using without = await setUp({ clusterDNS: [] });
  assert.deepEqual((await without.parts.dnsOf(podOf({ dnsPolicy: 'ClusterFirst' }))).servers, ['8.8.8.8']);
  assert.match(without.events[0]!, /^Node Warning MissingClusterDNS kubelet does not have ClusterDNS IP configured/);
  assert.match(without.events[1]!, /^Pod Warning MissingClusterDNS pod: "web_shop\(u1\)". kubelet does not have/);
  await using none = await setUp({ resolvConf: '' });
  assert.deepEqual(await none.parts.dnsOf(podOf({ dnsPolicy: 'Default' })), {
    servers: ['127.0.0.1'],
    searches: ['.'],
    options: [],
  });
});

test('a pod never gets more than its resolver can take', () => {
  const domain = fc.stringMatching(/^[a-z]{1,300}$/);
  fc.assert(
    fc.property(fc.array(domain, { maxLength: 60 }), fc.array(fc.ipV4(), { maxLength: 8 }), (searches, servers) => {
      const cluster = { servers, domain: 'cluster.local', host: { servers, searches, options: [] }, nodeIps: [] };
      const { settings } = podDns(podOf({ dnsPolicy: 'ClusterFirst' }), cluster);
      assert.ok(settings.servers.length <= 3 && settings.searches.length <= 32 && settings.searches.join(' ').length <= 2048);
      assert.ok(settings.searches.every(({ length }) => length <= 253));
    }),
  );
});

test('a resolver file is read whatever is in it', () => {
  assert.deepEqual(parseResolverFile('# c\n\tnameserver 1.1.1.1 x\nsearch a\nsearch b. .\noptions x\n;\n'), {
    servers: ['1.1.1.1'],
    searches: ['b', '.'],
    options: ['x'],
  });
  assert.throws(() => parseResolverFile('nameserver\n'), /nameserver list is empty/);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const clean = text.replaceAll('nameserver', '');
      const { servers, searches } = parseResolverFile(clean);
      assert.deepEqual(servers, []);
      assert.ok(searches.every((search) => !/\s/.test(search)));
    }),
  );
});

test('too many search domains on the node are told once, as the node’s event', async () => {
  await using it = await setUp();
  await it.parts.checkResolverFile();
  assert.deepEqual(it.events, []);
  await writeFile(it.directory.file('resolv.conf'), `search ${Array.from({ length: 30 }, (_, n) => `d${n}`).join(' ')}\n`);
  await it.parts.checkResolverFile();
  assert.match(it.events[0]!, /^Node Warning CheckLimitsForResolvConf .* search line consisting of more than 29 domains!$/);
});

test('pods are named by hostname, subdomain, override and, on wish, in full', () => {
  const names = (spec: Partial<V1PodSpec>, name = 'web') => {
    const pod = { ...podOf(spec), metadata: { name, namespace: 'shop' } };
    return kernelHostname(pod, podHostname(pod, 'cluster.local'));
  };
  assert.equal(names({}), 'web');
  assert.equal(names({ hostname: 'front' }), 'front');
  assert.equal(names({ hostNetwork: true }), '');
  assert.equal(names({}, `${'a'.repeat(62)}.b`), 'a'.repeat(62));
  assert.equal(names({ subdomain: 'sub' }), 'web');
  assert.equal(names({ subdomain: 'sub', setHostnameAsFQDN: true }), 'web.sub.shop.svc.cluster.local');
  assert.equal(names({ hostnameOverride: 'my.own.name', subdomain: 'sub', setHostnameAsFQDN: false }), 'my.own.name');
  assert.throws(
    () => names({ subdomain: 's'.repeat(40), setHostnameAsFQDN: true }),
    /FQDN web\.s+\.shop\.svc\.cluster\.local is too long \(64 characters is the max, 67 characters requested\)/,
  );
  assert.throws(() => names({ hostname: 'a.b' }), /pod Hostname "a\.b" is not a valid DNS label/);
});

test('the hosts file is the kubelet’s own, rewritten in place', async () => {
  await using it = await setUp();
  const container = { name: 'c' };
  const aliases = { hostAliases: [{ ip: '10.0.0.1', hostnames: ['a', 'b'] }], subdomain: 'sub' };
  assert.equal(await it.parts.hostsFileOf(podOf(), container, []), undefined);
  const mounted = { name: 'c', volumeMounts: [{ name: 'v', mountPath: '/etc/hosts' }] };
  assert.equal(await it.parts.hostsFileOf(podOf(), mounted, ['10.0.0.7']), undefined);
  const mount = await it.parts.hostsFileOf(podOf(aliases), container, ['10.0.0.7', 'fd00::7']);
  assert.deepEqual(mount, {
    hostPath: it.directory.file('pods', 'u1', 'etc-hosts'),
    containerPath: '/etc/hosts',
    readOnly: false,
    selinuxRelabel: true,
  });
  assert.equal(
    await readFile(mount!.hostPath, 'utf8'),
    [
      '# Kubernetes-managed hosts file.',
      '127.0.0.1\tlocalhost',
      '::1\tlocalhost ip6-localhost ip6-loopback',
      'fe00::0\tip6-localnet',
      'fe00::0\tip6-mcastprefix',
      'fe00::1\tip6-allnodes',
      'fe00::2\tip6-allrouters',
      '10.0.0.7\tweb.sub.shop.svc.cluster.local\tweb',
      'fd00::7\tweb.sub.shop.svc.cluster.local\tweb',
      '',
      '# Entries added by HostAliases.',
      '10.0.0.1\ta\tb',
      '',
    ].join('\n'),
  );
  await it.parts.hostsFileOf(podOf({ hostNetwork: true }), container, []);
  assert.equal(
    await readFile(mount!.hostPath, 'utf8'),
    '# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n10.1.1.1 printer\n',
  );
});

test('a configuration error bears upstream’s reason', async () => {
  await using it = await setUp();
  const container = { name: 'c', envFrom: [{ configMapRef: { name: 'none' } }] };
  await assert.rejects(it.parts.environmentOf(podOf(), container, []), (error: PodPartError) => {
    assert.ok(error instanceof PodPartError);
    assert.deepEqual(
      [error.reason, error.eventReason, error.message],
      ['CreateContainerConfigError', 'Failed', 'configmaps "none" not found'],
    );
    return true;
  });
});

test('containers wait for the services to be known, but for those of static pods', async () => {
  await using it = await setUp();
  it.services.hasSynced = false;
  const waiting = it.parts.environmentOf(podOf(), { name: 'c' }, []);
  await Promise.all([assert.rejects(waiting, /services have not yet been read at least once/), it.clock.advance(5000)]);
  const late = it.parts.environmentOf(podOf(), { name: 'c' }, []);
  await it.clock.advance(1000);
  it.services.hasSynced = true;
  await it.clock.advance(1000);
  assert.deepEqual(await late, []);
  it.services.hasSynced = false;
  const fromFile = podOf({}, { 'kubernetes.io/config.source': 'file' });
  assert.deepEqual(await it.parts.environmentOf(fromFile, { name: 'c' }, []), []);
});

test('variables come from a file of an emptyDir, and from nowhere else', async () => {
  await using it = await setUp();
  const volume = it.directory.file('pods', 'u1', 'volumes', 'kubernetes.io~empty-dir', 'v');
  await mkdir(volume, { recursive: true });
  await writeFile(`${volume}/good`, "A='1'\n");
  await writeFile(it.directory.file('outside'), "A='2'\n");
  await symlink(it.directory.file('outside'), `${volume}/link`);
  const pod = podOf({
    volumes: [
      { name: 'v', emptyDir: {} },
      { name: 'h', hostPath: { path: '/' } },
    ],
  });
  const read = (volumeName: string, path: string, optional = false) =>
    it.parts.environmentOf(
      pod,
      { name: 'c', env: [{ name: 'X', valueFrom: { fileKeyRef: { volumeName, path, key: 'A', optional } } }] },
      [],
    );
  assert.deepEqual(await read('v', 'good'), [{ name: 'X', value: '1' }]);
  await assert.rejects(read('v', 'link'), /couldn't parse env file/);
  await assert.rejects(read('v', '../good'), /couldn't parse env file/);
  await assert.rejects(read('v', 'missing'), /couldn't parse env file/);
  assert.deepEqual(await read('v', 'missing', true), []);
  await assert.rejects(read('h', 'etc/passwd'), /cannot find the volume "h" referenced by FileKeyRef/);
});

test('commands are expanded by the container’s own variables', async () => {
  await using it = await setUp();
  const container = { name: 'c', command: ['sh', '$(A)'], args: [] };
  assert.deepEqual(it.parts.commandOf(container, [{ name: 'A', value: '1' }]), { command: ['sh', '1'] });
  assert.deepEqual(it.parts.commandOf({ name: 'c' }, []), {});
});
