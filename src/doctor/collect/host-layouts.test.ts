/** Hosts as kubeadm, k3s and others lay them out. */
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runProgram } from '../../host/run-program.ts';
import { createSelfSigned } from '../../pki/self-signed.ts';
import { diagnose } from '../checks/all-checks.ts';
import { checkHosts } from '../checks/host-checks.ts';
import { observations } from '../checks/observations.test-support.ts';
import { planRescue } from '../rescue-plan.ts';
import { lookAtHost } from './look-at-host.ts';

const pairOf = (commonName: string) =>
  createSelfSigned({
    ...{ commonName, dnsNames: [], ipAddresses: [], notBeforeMs: 0, notAfterMs: Date.parse('2030-01-01T00:00:00Z') },
  });
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A host with these files; a text that begins with `->` is a link. */
async function host(t: TestContext, files: Readonly<Record<string, string>>) {
  const root = await mkdtemp(join(tmpdir(), 'muster-host-'));
  t.after(() => rm(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    if (text.startsWith('->')) await symlink(text.slice(2), file);
    else await writeFile(file, text);
    if (!text.startsWith('->')) await chmod(file, 0o600);
  }
  return { root, look: () => lookAtHost({ run: runProgram, signal: new AbortController().signal, root }) };
}

const DROP_IN = `# Note: this is installed by the package
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`;
const KUBEADM = {
  '/usr/bin/kubelet': '',
  '/usr/lib/systemd/system/kubelet.service': '[Unit]\nWants=network-online.target\n[Service]\nExecStart=/usr/bin/kubelet\n',
  '/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf': DROP_IN,
  '/var/lib/kubelet/kubeadm-flags.env':
    'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/c.sock --pod-infra-container-image=pause:3.9"\n',
  '/var/lib/kubelet/config.yaml': 'maxPods: 220\nauthentication: { x509: { clientCAFile: /etc/kubernetes/pki/ca.crt } }\n',
};

test('kubeadm’s host: the drop-in’s command with its variables, certificates in kubeconfigs, and links that are no key of everybody', async (t) => {
  const [manager, node, ca] = await Promise.all([
    pairOf('system:kube-controller-manager'),
    pairOf('system:node:node-1'),
    pairOf('kubernetes'),
  ]);
  const dated = 'kubelet-client-2026-01-01-00-00-00.pem';
  const { look } = await host(t, {
    ...KUBEADM,
    '/etc/kubernetes/pki/ca.crt': ca.certificatePem,
    '/etc/kubernetes/controller-manager.conf': `apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    client-certificate-data: ${base64(manager.certificatePem)}\n    client-key-data: ${base64(manager.privateKeyPem)}\n`,
    '/etc/kubernetes/super-admin.conf': JSON.stringify({
      users: [{ user: { 'client-certificate-data': base64(ca.certificatePem), 'client-key-data': base64(ca.privateKeyPem) } }],
    }),
    '/etc/kubernetes/kubelet.conf': `users: [{user: {client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem}}]\n`,
    [`/var/lib/kubelet/pki/${dated}`]: node.certificatePem + node.privateKeyPem,
    '/var/lib/kubelet/pki/kubelet-client-current.pem': `->${dated}`,
  });
  const seen = await look();
  assert.deepEqual(
    seen.certificates.map(({ where, subject }) => [where, subject]),
    [
      ['/etc/kubernetes/pki/ca.crt', 'CN=kubernetes'],
      ['/var/lib/kubelet/pki/kubelet-client-current.pem', 'CN=system:node:node-1'],
      ['/etc/kubernetes/controller-manager.conf', 'CN=system:kube-controller-manager'],
      ['/etc/kubernetes/super-admin.conf', 'CN=kubernetes'],
    ],
  );
  assert.equal(JSON.stringify(seen).includes('PRIVATE'), false);
  const [unit] = seen.units;
  assert.deepEqual(
    [unit!.path, unit!.whole, Object.fromEntries(unit!.flags)],
    [
      '/usr/lib/systemd/system/kubelet.service',
      true,
      {
        'bootstrap-kubeconfig': '/etc/kubernetes/bootstrap-kubelet.conf',
        kubeconfig: '/etc/kubernetes/kubelet.conf',
        config: '/var/lib/kubelet/config.yaml',
        'container-runtime-endpoint': 'unix:///run/c.sock',
        'pod-infra-container-image': 'pause:3.9',
      },
    ],
  );
  assert.deepEqual(seen.kubeletFile?.settings['maxPods'], 220);
  assert.deepEqual(
    seen.missing.map(({ flag }) => flag),
    ['bootstrap-kubeconfig'],
    'which is there only until a node has joined',
  );
  assert.deepEqual(diagnose(observations({ hosts: [seen], nowMs: Date.parse('2026-06-01T12:00:00Z') })), []);
});

test('a kubeconfig that everybody may read is told as the key that it holds', async (t) => {
  const { certificatePem, privateKeyPem } = await pairOf('system:admin');
  const text = `users:\n- user:\n    client-certificate-data: ${base64(certificatePem)}\n    client-key-data: ${base64(privateKeyPem)}\n`;
  const { root, look } = await host(t, { '/etc/rancher/k3s/k3s.yaml': text });
  await chmod(join(root, '/etc/rancher/k3s/k3s.yaml'), 0o644);
  const findings = checkHosts(observations({ hosts: [await look()] }));
  assert.deepEqual(
    findings.map(({ code, severity, subject }) => [code, severity, subject]),
    [['DOC-802', 'error', 'file//etc/rancher/k3s/k3s.yaml']],
  );
});

test('a drop-in in /etc goes before one of its name that a package brought; what it does not take back stays', async (t) => {
  const start = `ExecStart=\nExecStart=/usr/bin/kubelet \${CONF} $BOOT\n`;
  const etc = `[Service]\nUser=kube\nEnvironment=CONF="--kubeconfig=/k" BOOT=--bootstrap-kubeconfig=/b\n${start}`;
  const { look } = await host(t, {
    ...KUBEADM,
    '/etc/systemd/system/kubelet.service.d/10-kubeadm.conf': etc,
    '/etc/systemd/system/kubelet.service.d/20-more.conf': '[Service]\nUser=other\nExecStartPre=/bin/true --config=/x\n',
  });
  const [unit] = (await look()).units;
  assert.deepEqual(
    [Object.fromEntries(unit!.flags), unit!.user, unit!.whole],
    [{ kubeconfig: '/k', 'bootstrap-kubeconfig': '/b' }, 'other', true],
  );
});

test('a node that kubeadm made can be rescued: its unit’s drop-in says where it joins from', async (t) => {
  const { look } = await host(t, KUBEADM);
  const seen = { ...(await look()), hostName: 'n' };
  const kubelet = { bootstrapKubeconfig: '/other', kubeconfig: '/other', certificateDirectory: '/var/lib/kubelet/pki' };
  const plan = planRescue(observations({}), {
    ...{ names: [], hosts: [{ target: 'root@n', seen }], mayJoin: true, approves: true },
    paths: { bootstrapKubeconfig: 'b.conf', kubelet },
  });
  assert.deepEqual(
    plan.nodes.map(({ name, why, paths }) => [name, why, paths.bootstrapKubeconfig]),
    [['n', 'it has no client certificate', '/etc/kubernetes/bootstrap-kubelet.conf']],
  );
  assert.deepEqual(plan.refused, []);
});

test('certificates of k3s, RKE2, k0s and MicroK8s are seen where these keep them', async (t) => {
  const { certificatePem, privateKeyPem } = await pairOf('x');
  const places = [
    '/var/lib/rancher/k3s/server/tls/serving-kube-apiserver.crt',
    '/var/lib/rancher/k3s/server/tls/etcd/server-client.crt',
    '/var/lib/rancher/k3s/agent/serving-kubelet.crt',
    '/var/lib/rancher/rke2/server/tls/client-admin.crt',
    '/var/lib/k0s/pki/server.crt',
    '/var/snap/microk8s/current/certs/server.crt',
  ];
  const key = '/var/lib/rancher/k3s/server/tls/service.key';
  const { look } = await host(t, { ...Object.fromEntries(places.map((path) => [path, certificatePem])), [key]: privateKeyPem });
  const seen = await look();
  assert.deepEqual(
    seen.certificates.map(({ where }) => where),
    places,
  );
  assert.deepEqual(
    seen.keys.map(({ path }) => path),
    [key],
  );
});

test('flags that a file of variables has on many lines, as the runbooks write them, are a unit’s own', async (t) => {
  const { look } = await host(t, {
    '/etc/systemd/system/kube-apiserver.service':
      '[Service]\nEnvironmentFile=-/etc/kubernetes/apiserver\nExecStart=/usr/bin/kube-apiserver $KUBE_API_ARGS\n',
    '/etc/kubernetes/apiserver':
      '###\n# Add your own!\nKUBE_API_ARGS="\\\n      --enable-bootstrap-token-auth=true \\\n      --audit-log-maxage=30 \\\n      --v=2"\nPASSWORD=secret\n',
    '/usr/bin/kube-apiserver': '',
  });
  const seen = await look();
  const [unit] = seen.units;
  assert.equal(unit!.whole, true);
  assert.deepEqual(Object.fromEntries(unit!.flags), { 'enable-bootstrap-token-auth': 'true', 'audit-log-maxage': '30', v: '2' });
  assert.doesNotMatch(JSON.stringify(seen), /secret/);
  assert.deepEqual(
    diagnose(observations({ hosts: [seen] })).map(({ code }) => code),
    ['DOC-811'],
  );
});
