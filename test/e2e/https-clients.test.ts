import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { readKubeconfig, resolveContext } from '../../src/pki/kubeconfig.ts';
import { runCommand } from '../harness/run-command.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '0');
const session = kubectlSession(cluster, '1.35', 'default');

describe('clients that only know HTTPS', () => {
  let [server, ca, certificate, key, token] = ['', '', '', '', ''];
  before(async () => {
    const { home, up } = cluster.current;
    server = up.server;
    ca = join(up.dataDir, 'pki', 'ca.crt');
    const context = await resolveContext(await readKubeconfig(home.kubeconfig));
    [certificate, key] = [join(home.path, 'admin.crt'), join(home.path, 'admin.key')];
    await writeFile(certificate, context.clientCertificatePem ?? '');
    await writeFile(key, context.clientKeyPem ?? '', { mode: 0o600 });
    await session.run('create serviceaccount robot');
    await session.run('create clusterrolebinding robot --clusterrole=view --serviceaccount=default:robot');
    token = (await session.run('create token robot')).trim();
  });

  interface Answer {
    readonly status: number;
    readonly version: string;
    readonly body: string;
  }
  const curl = async (path: string, ...args: string[]): Promise<Answer> => {
    const result = await runCommand('curl', [
      '-sS',
      '--cacert',
      ca,
      '-w',
      '\\n%{http_code} %{http_version}',
      ...args,
      `${server}${path}`,
    ]);
    assert.equal(result.status, 0, result.stderr);
    const at = result.stdout.lastIndexOf('\n');
    const [status, version] = result.stdout.slice(at + 1).split(' ');
    return { status: Number(status), version: version!, body: result.stdout.slice(0, at) };
  };
  const own = () => ['--cert', certificate, '--key', key];

  test('large requests come right behind large answers on one connection of HTTP/1.1', async () => {
    const [caPem, cert, keyPem] = await Promise.all([ca, certificate, key].map((path) => readFile(path, 'utf8')));
    const agent = new Agent({ keepAlive: true, maxSockets: 4, ca: caPem, cert, key: keyPem });
    const post = (name: string) =>
      new Promise<number>((resolve, reject) => {
        const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { text: 'v'.repeat(1_000_000) } };
        const body = JSON.stringify(object);
        const headers = { 'content-type': 'application/json', 'content-length': body.length };
        request(`${server}/api/v1/namespaces/default/configmaps?dryRun=All`, { agent, method: 'POST', headers }, (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode!));
        })
          .on('error', reject)
          .end(body);
      });
    try {
      const codes = await Promise.all(Array.from({ length: 80 }, (_, i) => post(`large-${i}`)));
      assert.deepEqual(new Set(codes), new Set([201]));
    } finally {
      agent.destroy();
    }
  });

  for (const [flag, version] of [
    ['--http1.1', '1.1'],
    ['--http2', '2'],
  ] as const)
    test(`curl with HTTP/${version}: by certificate, by token, and without either`, async () => {
      const made = await curl(
        '/api/v1/namespaces/default/configmaps',
        flag,
        ...own(),
        '-H',
        'Content-Type: application/json',
        '-d',
        JSON.stringify({ metadata: { name: `by-curl-${version[0]}` } }),
      );
      assert.equal(made.version, version);
      assert.equal(made.status, 201);
      assert.equal(JSON.parse(made.body).metadata.namespace, 'default');
      const bearer = ['-H', `Authorization: Bearer ${token}`];
      const read = await curl(`/api/v1/namespaces/default/configmaps/by-curl-${version[0]}`, flag, ...bearer);
      assert.equal(read.status, 200);
      const forbidden = JSON.parse((await curl('/api/v1/nodes', flag, ...bearer)).body);
      assert.equal(forbidden.code, 403);
      assert.equal(
        forbidden.message,
        'nodes is forbidden: User "system:serviceaccount:default:robot" cannot list resource "nodes" in API group "" at the cluster scope',
      );
      const wrong = await curl('/api/v1/pods', flag, '-H', 'Authorization: Bearer nonsense');
      assert.equal(wrong.status, 401);
      assert.deepEqual(JSON.parse(wrong.body), {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'Unauthorized',
        reason: 'Unauthorized',
        code: 401,
      });
      const anonymous = await curl('/api/v1/pods', flag);
      assert.equal(anonymous.status, 403);
      assert.equal(
        JSON.parse(anonymous.body).message,
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope',
      );
      for (const path of ['/healthz', '/livez', '/readyz']) assert.equal((await curl(path, flag)).body, 'ok');
      assert.equal(JSON.parse((await curl('/version', flag)).body).major, '1');
    });

  test('YAML goes in and comes out, large answers are compressed on request', async () => {
    const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  a: "1"\n';
    const made = await curl(
      '/api/v1/namespaces/default/configmaps',
      ...own(),
      '-H',
      'Content-Type: application/yaml',
      '-H',
      'Accept: application/yaml',
      '--data-binary',
      yaml,
    );
    assert.equal(made.status, 201);
    assert.match(made.body, /^ {2}a: "1"$/m);
    const headers = join(cluster.current.home.path, 'headers');
    const large = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'large' }, data: { a: 'x'.repeat(300_000) } };
    await session.run('create -f -', large);
    const path = '/api/v1/namespaces/default/configmaps/large';
    const plain = await curl(path, ...own());
    const compressed = await curl(path, ...own(), '--compressed', '--dump-header', headers);
    assert.match(await readFile(headers, 'utf8'), /^content-encoding: gzip\r$/im);
    assert.equal(compressed.body, plain.body);
  });

  test('a watch streams a line an event over a plain connection', async () => {
    const watch = curl(
      '/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dyaml',
      '--http1.1',
      ...own(),
    );
    const events = (await watch).body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      events.map(({ type, object }) => [type, object.metadata.name]),
      [['ADDED', 'yaml']],
    );
  });

  test('openssl verifies the server by all its names', async () => {
    const { hostname, port } = new URL(server);
    const connect = (...args: string[]) =>
      runCommand('openssl', ['s_client', '-connect', `${hostname}:${port}`, '-CAfile', ca, '-verify_return_error', ...args]);
    for (const name of [
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      'localhost',
    ])
      assert.match((await connect('-verify_hostname', name)).stdout, /Verify return code: 0 \(ok\)/, name);
    for (const address of ['127.0.0.1', '10.96.0.1'])
      assert.match((await connect('-verify_ip', address)).stdout, /Verify return code: 0 \(ok\)/, address);
    assert.match(
      (await connect('-verify_hostname', 'example.com')).stdout,
      /Verification error: hostname mismatch|Verify return code: 62/,
    );
  });

  test('what TLS is spoken', async () => {
    const { hostname, port } = new URL(server);
    const connect = (...args: string[]) =>
      runCommand('openssl', ['s_client', '-connect', `${hostname}:${port}`, '-CAfile', ca, ...args]);
    assert.match((await connect('-tls1_2')).stdout, /Protocol *: TLSv1\.2|New, TLSv1\.2/);
    assert.match((await connect('-tls1_3')).stdout, /New, TLSv1\.3/);
    assert.match((await connect('-alpn', 'h2,http/1.1')).stdout, /ALPN protocol: h2/);
    assert.match((await connect('-alpn', 'http/1.1')).stdout, /ALPN protocol: http\/1\.1/);
    for (const version of ['-tls1', '-tls1_1']) {
      const { status, stdout, stderr } = await connect(version, '-cipher', 'ALL:@SECLEVEL=0');
      assert.notEqual(status, 0);
      assert.match(stdout + stderr, /protocol version|no protocols available/);
    }
    const asked = await connect('-tls1_2');
    assert.match(asked.stdout, /Acceptable client certificate CA names\n(.*\n)*?.*CN = kubernetes/);
  });

  test('a certificate of another authority is nobody’s', async () => {
    const { home } = cluster.current;
    const [other, otherKey] = [join(home.path, 'other.crt'), join(home.path, 'other.key')];
    const made = await runCommand('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      otherKey,
      '-out',
      other,
      '-subj',
      '/O=system:masters/CN=intruder',
      '-days',
      '1',
    ]);
    assert.equal(made.status, 0, made.stderr);
    const answer = await curl('/api/v1/nodes', '--cert', other, '--key', otherKey);
    assert.equal(answer.status, 401);
    assert.equal(JSON.parse(answer.body).message, 'Unauthorized');
  });
});
