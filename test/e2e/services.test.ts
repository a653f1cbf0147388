import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1Service } from '../../src/api/gen/types.ts';
import { KUBECTL_VERSIONS } from '../harness/kubectl.ts';
import { kubectlSession, namespaceFor } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '1');

const ADDRESS = /^10\.(9[6-9]|10\d|11[01])\.\d+\.\d+$/;

/** The cells of a table, a row a line, without the heading. */
const rows = (table: string) =>
  table
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s{2,}/));

for (const version of KUBECTL_VERSIONS)
  describe(`kubectl ${version} and services`, () => {
    const namespace = namespaceFor('services', version);
    const { run, fails, json } = kubectlSession(cluster, version, namespace);
    const read = async (name: string) => (await json<V1Service>(`get service ${name}`)).spec!;

    test('expose a deployment, and see its address', async () => {
      await run(`create namespace ${namespace}`);
      await run('create deployment web --image=nginx');
      assert.equal(await run('expose deployment web --port=80 --target-port=8080'), 'service/web exposed\n');
      const { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy } = await read('web');
      assert.match(clusterIP!, ADDRESS);
      assert.deepEqual([clusterIPs, ipFamilies, ipFamilyPolicy], [[clusterIP], ['IPv4'], 'SingleStack']);
      const [row] = rows(await run('get svc -o wide'));
      assert.deepEqual(row?.toSpliced(5, 1), ['web', 'ClusterIP', clusterIP, '<none>', '80/TCP', 'app=web']);
      assert.match(await run('describe service web'), new RegExp(`^IP:\\s+${clusterIP}$`, 'm'));
      assert.equal(rows(await run('get service kubernetes --namespace default'))[0]?.[2], '10.96.0.1');
    });

    test('create services of every type', async () => {
      await run('create service clusterip plain --tcp=80:8080');
      await run('create service nodeport open --tcp=80:8080');
      await run('create service loadbalancer balanced --tcp=80:8080');
      await run(['create', 'service', 'clusterip', 'headless', '--clusterip=None']);
      await run('create service externalname elsewhere --external-name=example.org');
      const shown = new Map(rows(await run('get svc')).map(([name, ...cells]) => [name, cells]));
      const nodePort = (await read('open')).ports![0]!.nodePort!;
      assert.ok(nodePort >= 30_000 && nodePort <= 32_767, String(nodePort));
      assert.deepEqual(shown.get('open')?.slice(2, 4), ['<none>', `80:${nodePort}/TCP`]);
      assert.match(shown.get('plain')?.[1] ?? '', ADDRESS);
      assert.match(shown.get('balanced')?.slice(2, 4).join(' ') ?? '', /^<pending> 80:3\d{4}\/TCP$/);
      assert.deepEqual(shown.get('headless')?.slice(0, 4), ['ClusterIP', 'None', '<none>', '<none>']);
      assert.deepEqual(shown.get('elsewhere')?.slice(0, 4), ['ExternalName', '<none>', 'example.org', '<none>']);
    });

    test('choose a port, which is refused when it is taken or out of range', async () => {
      const { nodePort } = (await read('open')).ports![0]!;
      const ask = (port: number | undefined) => `create service nodeport other --tcp=80:80 --node-port=${port}`;
      assert.match(
        await fails(ask(nodePort)),
        /spec\.ports\[0\]\.nodePort: Invalid value: \d+: provided port is already allocated/,
      );
      assert.match(
        await fails(ask(80)),
        /Invalid value: 80: provided port is not in the valid range\. The range of valid ports is 30000-32767/,
      );
      await run('delete service open');
      assert.equal(await run(ask(nodePort)), 'service/other created\n');
      assert.equal((await read('other')).ports?.[0]?.nodePort, nodePort);
    });

    test('choose an address, which is free again when its service is deleted', async () => {
      const { clusterIP } = await read('plain');
      const ask = (ip: string | undefined) => ['expose', 'deployment', 'web', '--name=fixed', '--port=80', `--cluster-ip=${ip}`];
      assert.match(
        await fails(ask(clusterIP)),
        /spec\.clusterIPs: Invalid value: \S+: failed to allocate IP \S+: provided IP is already allocated/,
      );
      assert.match(
        await fails(ask('192.168.1.1')),
        /the provided IP \(192\.168\.1\.1\) is not in the valid range\. The range of valid IPs is 10\.96\.0\.0\/12/,
      );
      await run('delete service plain');
      await run(ask(clusterIP));
      assert.equal((await read('fixed')).clusterIP, clusterIP);
    });

    test('change the type, and back', async () => {
      const patch = (spec: object) => run(['patch', 'service', 'web', '-p', JSON.stringify({ spec })]);
      const { clusterIP } = await read('web');
      await patch({ type: 'NodePort' });
      assert.ok((await read('web')).ports?.[0]?.nodePort);
      await patch({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' });
      assert.ok((await read('web')).healthCheckNodePort);
      await patch({ type: 'ClusterIP' });
      const plain = await read('web');
      assert.deepEqual(
        [plain.ports?.[0]?.nodePort, plain.healthCheckNodePort, plain.externalTrafficPolicy, plain.clusterIP],
        [undefined, undefined, undefined, clusterIP],
      );
      assert.match(
        await fails(['patch', 'service', 'web', '-p', '{"spec":{"clusterIP":"10.96.9.9"}}']),
        /spec\.clusterIPs\[0\]: Invalid value: \S+: may not change once set/,
      );
    });

    test('apply a manifest that names neither, again and again', async () => {
      const manifest = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'applied' },
        spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }] },
      };
      assert.equal(await run('apply -f -', manifest), 'service/applied created\n');
      const first = await read('applied');
      assert.equal(await run('apply -f -', manifest), 'service/applied unchanged\n');
      await run('replace -f -', manifest);
      assert.deepEqual(await read('applied'), first);
      assert.match(await run('apply --dry-run=server -o name -f -', { ...manifest, metadata: { name: 'dry' } }), /^service\/dry/);
      assert.match(await fails('get service dry'), /not found/);
    });
  });
