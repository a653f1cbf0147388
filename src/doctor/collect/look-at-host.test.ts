import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { createSelfSigned } from '../../pki/self-signed.ts';
import { lookAtHost } from './look-at-host.ts';

let root = '';
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'muster-host-'));
});
after(() => rm(root, { recursive: true, force: true }));

async function put(path: string, text: string, mode = 0o600): Promise<void> {
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, mode);
}

test('an empty host has nothing to tell', async () => {
  const { hostName: _, ...seen } = await lookAtHost(root);
  assert.deepEqual(seen, {
    ...{ swapAreas: [], certificates: [], openKeys: [], brokenLinks: [], kubeletUnits: [] },
    pauseImages: { runtime: undefined, kubelet: undefined },
  });
});

test('certificates, keys that others may read, links that lead nowhere, swap, units and pause images are seen', async () => {
  const { certificatePem, privateKeyPem } = await createSelfSigned({
    ...{ commonName: 'm1', dnsNames: ['m1'], ipAddresses: [], notBeforeMs: 0, notAfterMs: Date.parse('2030-01-01T00:00:00Z') },
  });
  await put('/etc/kubernetes/pki/apiserver.crt', certificatePem, 0o644);
  await put('/etc/kubernetes/pki/apiserver.key', privateKeyPem, 0o640);
  await put('/etc/kubernetes/ssl/kept.key', privateKeyPem);
  await put('/etc/kubernetes/ssl/broken.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  await put('/var/lib/kubelet/pki/kubelet-client-2026-01-01-00-00-00.pem', certificatePem + privateKeyPem);
  await symlink('kubelet-client-2025-01-01-00-00-00.pem', join(root, '/var/lib/kubelet/pki/kubelet-client-current.pem'));
  await put('/proc/swaps', 'Filename\tType\n/dev/sda2                               partition\t1\t0\t-2\n');
  await put(
    '/etc/systemd/system/kubelet.service',
    '[Service]\nExecStart=/usr/bin/kubelet \\\n  --bootstrap-kubeconfig=/etc/b \\\n  --pod-infra-container-image=pause:3.1\nRestart=always\n',
  );
  await put('/usr/lib/systemd/system/kubelet.service', '[Service]\nExecStart=/usr/bin/kubelet --kubeconfig /etc/k\n');
  await symlink('usr/lib', join(root, 'lib'));
  await put('/etc/containerd/config.toml', '[plugins."io.containerd.grpc.v1.cri"]\n  sandbox_image = "pause:3.9"\n');
  const seen = await lookAtHost(root);
  assert.deepEqual(
    seen.certificates.map(({ where, subject }) => [where, subject]),
    [['/etc/kubernetes/pki/apiserver.crt', 'CN=m1']],
  );
  assert.deepEqual(seen.openKeys, ['/etc/kubernetes/pki/apiserver.key']);
  assert.deepEqual(seen.brokenLinks, ['/var/lib/kubelet/pki/kubelet-client-current.pem']);
  assert.deepEqual(seen.swapAreas, ['/dev/sda2']);
  assert.deepEqual(seen.kubeletUnits, [
    { path: '/etc/systemd/system/kubelet.service', flags: ['bootstrap-kubeconfig', 'pod-infra-container-image'] },
    { path: '/usr/lib/systemd/system/kubelet.service', flags: ['kubeconfig'] },
  ]);
  assert.deepEqual(seen.pauseImages, { runtime: 'pause:3.9', kubelet: 'pause:3.1' });
});
