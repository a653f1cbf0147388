import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { V1ConfigMap, V1EndpointSlice, V1Pod } from '../../src/api/gen/types.ts';
import { startComponent } from '../harness/component-process.ts';
import { type Containerd, startContainerd } from '../harness/containerd.ts';
import { freePort } from '../harness/free-port.ts';
import { BUSYBOX } from '../harness/images.ts';
import { type Kubectl, kubectl } from '../harness/kubectl.ts';
import { type MusterHome, musterHome, type UpResult } from '../harness/muster.ts';
import { until } from '../harness/until.ts';

let home: MusterHome;
let containerd: Containerd;
let up: UpResult;
let client: Kubectl;
let server: string;

const manifest = (documents: readonly object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items: documents });
const container = (command: string[]) => ({ name: 'main', image: BUSYBOX, command });

async function apply(...documents: object[]): Promise<void> {
  const path = join(home.path, 'objects.json');
  await writeFile(path, manifest(documents));
  await client.run(['apply', '-f', path]);
}

const inPod = (...command: string[]) => client.run(['exec', 'asker', '--', ...command]);

/** What `nslookup` prints, whether it finds anything or not. */
const nslookup = (...words: string[]) => inPod('sh', '-c', `nslookup ${words.join(' ')} 2>&1; true`);

function resolver(): Resolver {
  const own = new Resolver({ timeout: 2000, tries: 2 });
  own.setServers([server]);
  return own;
}

before(async () => {
  [home, containerd] = await Promise.all([musterHome(), startContainerd({ network: false })]);
  up = await home.up('--runtime', 'containerd', '--container-runtime-endpoint', containerd.endpoint);
  client = kubectl('1.35', up.kubeconfig, home.path);
  const slice = await client.json<V1EndpointSlice>('get endpointslice kube-dns -n kube-system');
  server = slice.endpoints![0]!.addresses[0]!;
  await apply(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'default' },
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'db', namespace: 'default' },
      spec: { clusterIP: 'None', selector: { app: 'db' }, ports: [{ name: 'sql', port: 5432 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'elsewhere', namespace: 'default' },
      spec: { type: 'ExternalName', externalName: 'db.default.svc.cluster.local' },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db', namespace: 'default' },
      spec: {
        serviceName: 'db',
        replicas: 2,
        selector: { matchLabels: { app: 'db' } },
        template: { metadata: { labels: { app: 'db' } }, spec: { containers: [container(['sleep', '100000'])] } },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'asker', namespace: 'default' },
      spec: { containers: [container(['sleep', '100000'])] },
    },
  );
  await client.run('wait --for=condition=Ready pod/asker pod/db-0 --timeout=90s');
  await until('both members are ready', async () => (await client.run('get sts db -o jsonpath={.status.readyReplicas}')) === '2');
});
after(async () => {
  await home?.[Symbol.asyncDispose]();
  await containerd?.[Symbol.asyncDispose]();
});

test('a pod’s resolver asks the cluster’s DNS server and searches its domains, without a warning', async () => {
  const lines = (await inPod('cat', '/etc/resolv.conf')).split('\n');
  assert.ok(lines.includes('nameserver 10.96.0.10'));
  assert.match(lines.join('\n'), /^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/m);
  assert.doesNotMatch(await client.run('get events'), /MissingClusterDNS/);
});

test('ADD-01 Services, headless members, external names and addresses are found from a pod', async () => {
  const serviceIp = await client.run('get service web -o jsonpath={.spec.clusterIP}');
  const member = await client.json<V1Pod>('get pod db-1');
  await until('the members are known', async () =>
    (await nslookup('db-1.db.default.svc.cluster.local')).includes(member.status!.podIP!),
  );
  assert.match(await nslookup('web.default.svc.cluster.local'), new RegExp(`Address: ${serviceIp}\\b`));
  const reached = await inPod('sh', '-c', 'ping -c 1 -W 5 db-1.db | head -1');
  assert.ok(reached.includes(`(${member.status!.podIP})`), reached);
  assert.match(
    await nslookup('-type=a', 'elsewhere.default.svc.cluster.local'),
    /canonical name = db\.default\.svc\.cluster\.local/,
  );
  assert.match(await nslookup(member.status!.podIP!), /name = db-1\.db\.default\.svc\.cluster\.local/);
  assert.match(await nslookup('nobody.default.svc.cluster.local'), /NXDOMAIN/);
  assert.match(await nslookup('kube-dns.kube-system.svc.cluster.local'), /Address: 10\.96\.0\.10\b/);
});

test('ports, names of addresses and denials are as a resolver on the machine expects them', async () => {
  const own = resolver();
  assert.deepEqual(await own.resolveSrv('_http._tcp.web.default.svc.cluster.local'), [
    { name: 'web.default.svc.cluster.local', port: 80, priority: 0, weight: 100, type: 'SRV' },
  ]);
  const members = (await own.resolveSrv('_sql._tcp.db.default.svc.cluster.local')).map(({ name }) => name).sort();
  assert.deepEqual(members, ['db-0.db.default.svc.cluster.local', 'db-1.db.default.svc.cluster.local']);
  const serviceIp = await client.run('get service web -o jsonpath={.spec.clusterIP}');
  assert.deepEqual(await own.reverse(serviceIp), ['web.default.svc.cluster.local']);
  assert.deepEqual(await own.resolve4('10-1-2-3.default.pod.cluster.local'), ['10.1.2.3']);
  await assert.rejects(own.resolve6('web.default.svc.cluster.local'), { code: 'ENODATA' });
  await assert.rejects(own.resolve4('web.nowhere.svc.cluster.local'), { code: 'ENOTFOUND' });
});

test('a Corefile that is changed is taken over, one with a mistake is not; a stub domain goes to its own upstream', async () => {
  const port = await freePort();
  const corefile = join(home.path, 'Corefile');
  await writeFile(corefile, `example.test:${port} {\n  bind 127.0.0.1\n  hosts {\n    192.0.2.7 www.example.test\n  }\n}\n`);
  await using upstream = startComponent('dns', ['-conf', corefile]);
  await upstream.waitForOutput(/listens/);
  const map = await client.json<V1ConfigMap>('get configmap coredns -n kube-system');
  const before_ = map.data!['Corefile']!;
  const put = async (text: string) => {
    await apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'coredns', namespace: 'kube-system' },
      data: { Corefile: text },
    });
  };
  await put(`${before_}example.test:53 {\n    errors\n    cache 30\n    forward . 127.0.0.1:${port}\n}\n`);
  await until('the stub domain is served', async () => (await resolver().resolve4('www.example.test')).includes('192.0.2.7'));
  assert.match(await nslookup('www.example.test'), /Address: 192\.0\.2\.7/);
  await put(`${before_}example.test:53 {\n    dnssec\n}\n`);
  await put(`${before_}broken {`);
  const metrics = () => fetch(`http://${server}:9153/metrics`).then((answer) => answer.text());
  await until('the mistakes were seen', async () => /coredns_reload_failed_total [1-9]/.test(await metrics()));
  assert.deepEqual(await resolver().resolve4('www.example.test'), ['192.0.2.7']);
  await put(before_);
  await until('the stub domain is gone', async () =>
    resolver()
      .resolve4('www.example.test')
      .then(
        () => false,
        () => true,
      ),
  );
});

test('under load every query is answered', async () => {
  const own = resolver();
  const names = ['web.default', 'db.default', 'kubernetes.default', 'kube-dns.kube-system'];
  let failed = 0;
  const worker = async (n: number) => {
    for (let i = 0; i < 100; i++) await own.resolve4(`${names[(n + i) % names.length]}.svc.cluster.local`).catch(() => failed++);
  };
  await Promise.all(Array.from({ length: 20 }, (_, n) => worker(n)));
  assert.equal(failed, 0);
  assert.equal(await fetch(`http://${server}:8181/ready`).then((answer) => answer.text()), 'OK');
});

test('down takes the server and its address along', async () => {
  const addresses = () => Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
  assert.ok(addresses().includes(server));
  await home.run(['down']);
  assert.ok(!addresses().includes(server));
});
