import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { V1Node } from '../../src/api/gen/types.ts';
import { readKubeconfig, resolveContext } from '../../src/pki/kubeconfig.ts';
import { type CommandResult, runCommand } from '../harness/run-command.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '2');
const session = kubectlSession(cluster, '1.35', 'default');

describe('port 10250 of a node', () => {
  let [address, ca, certificate, key] = ['', '', '', ''];
  before(async () => {
    const { home, up } = cluster.current;
    const node = await session.json<V1Node>('get node node-1');
    address = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
    ca = join(up.dataDir, 'pki', 'ca.crt');
    const context = await resolveContext(await readKubeconfig(home.kubeconfig));
    certificate = join(home.path, 'admin.crt');
    key = join(home.path, 'admin.key');
    await writeFile(certificate, context.clientCertificatePem ?? '');
    await writeFile(key, context.clientKeyPem ?? '', { mode: 0o600 });
  });
  const curl = (path: string, ...args: string[]): Promise<CommandResult> =>
    runCommand('curl', ['-sS', '--cacert', ca, '-w', '\\n%{http_code}', ...args, `https://${address}:10250${path}`]);
  const asAdmin = async (path: string, ...args: string[]) => {
    const result = await curl(path, '--cert', certificate, '--key', key, ...args);
    assert.equal(result.status, 0, result.stderr);
    const at = result.stdout.lastIndexOf('\n');
    return { status: Number(result.stdout.slice(at + 1)), body: result.stdout.slice(0, at) };
  };

  test('is served with the certificate that was issued, for the node’s address', async () => {
    const { stdout } = await runCommand('openssl', [
      's_client',
      '-connect',
      `${address}:10250`,
      '-CAfile',
      ca,
      '-verify_ip',
      address,
      '-verify_return_error',
    ]);
    assert.match(stdout, /Verify return code: 0 \(ok\)/);
    assert.match(stdout, /subject=O = system:nodes, CN = system:node:node-1/);
    assert.match(stdout, /issuer=CN = kubernetes/);
  });

  test('answers an administrator', async () => {
    assert.deepEqual(await asAdmin('/healthz'), { status: 200, body: 'ok' });
    await session.run('run seen --image=nginx');
    await session.run('wait --for=condition=Ready pod/seen --timeout=90s');
    const { spec } = await session.json<{ spec: { nodeName: string } }>('get pod seen');
    // Whichever node it is on: through the API server's proxy, then at the node itself.
    const proxied = JSON.parse(await session.run(`get --raw /api/v1/nodes/${spec.nodeName}/proxy/pods`)) as {
      kind: string;
      items: { metadata: { name: string } }[];
    };
    assert.equal(proxied.kind, 'PodList');
    assert.deepEqual(
      proxied.items.map(({ metadata }) => metadata.name),
      ['seen'],
    );
    assert.equal(JSON.parse((await asAdmin('/pods')).body).kind, 'PodList');
    const { kubeletconfig } = JSON.parse((await asAdmin('/configz')).body) as { kubeletconfig: Record<string, unknown> };
    assert.equal(kubeletconfig['rotateCertificates'], true);
    assert.equal(kubeletconfig['serverTLSBootstrap'], true);
    const metrics = await asAdmin('/metrics');
    assert.match(metrics.body, /^kubelet_running_pods \d+$/m);
    assert.match(metrics.body, /^kubelet_certificate_manager_client_ttl_seconds /m);
    assert.equal((await asAdmin('/nothing')).status, 404);
    assert.equal((await asAdmin('/pods', '-X', 'DELETE')).status, 405);
  });

  test('answers nobody else', async () => {
    const anonymous = await curl('/pods');
    assert.equal(anonymous.stdout, 'Unauthorized\n401');
    const wrongToken = await curl('/pods', '-H', 'Authorization: Bearer nonsense');
    assert.equal(wrongToken.stdout, 'Unauthorized\n401');
    await session.run('create serviceaccount curious');
    const token = (await session.run('create token curious')).trim();
    const forbidden = await curl('/pods', '-H', `Authorization: Bearer ${token}`);
    assert.match(
      forbidden.stdout,
      /^Forbidden \(user=system:serviceaccount:default:curious, verb=get, resource=nodes, subresource\(s\)=\[pods proxy\]\)\n403$/,
    );
    await session.run('create clusterrole metrics --verb=get --resource=nodes/metrics');
    await session.run('create clusterrolebinding metrics --clusterrole=metrics --serviceaccount=default:curious');
    assert.match((await curl('/metrics', '-H', `Authorization: Bearer ${token}`)).stdout, /\n200$/);
    assert.match((await curl('/configz', '-H', `Authorization: Bearer ${token}`)).stdout, /^Forbidden .*\n403$/);
  });

  test('speaks no TLS that is out of date', async () => {
    const { status, stdout, stderr } = await runCommand('openssl', [
      's_client',
      '-connect',
      `${address}:10250`,
      '-tls1_1',
      '-cipher',
      'ALL:@SECLEVEL=0',
    ]);
    assert.notEqual(status, 0);
    assert.match(stdout + stderr, /protocol version|no protocols available|handshake failure/);
  });
});
