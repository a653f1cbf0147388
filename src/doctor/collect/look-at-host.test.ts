import assert from 'node:assert/strict';
import { chmod, lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { ProgramError, runProgram } from '../../host/run-program.ts';
import { createSelfSigned } from '../../pki/self-signed.ts';
import { createTokenSigner } from '../../pki/service-account-token.ts';
import { lookAtHost, lookAtHostBySsh } from './look-at-host.ts';
import { readHost } from './read-host.ts';

let root = '';
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'muster-host-'));
});
const look = () => lookAtHost({ run: runProgram, signal: new AbortController().signal, root });
after(() => rm(root, { recursive: true, force: true }));

async function put(path: string, text: string, mode = 0o600): Promise<void> {
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, mode);
}

/** Everything on the host with its times, modes and sizes. A change of a file's content or rights changes its ctime. */
async function traces(): Promise<Record<string, string>> {
  const names = ['', ...(await readdir(root, { recursive: true }))].sort();
  const entries = names.map(async (name) => {
    const { mtimeMs, ctimeMs, mode, size } = await lstat(join(root, name));
    return [name, `${mtimeMs} ${ctimeMs} ${mode} ${size}`] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

test('an empty host has nothing to tell', async () => {
  const { hostName: _, ...seen } = await look();
  assert.deepEqual(seen, {
    ...{ prefix: '', clockOffsetMs: undefined, joining: undefined, kubeletClient: undefined },
    ...{ swapAreas: [], certificates: [], keys: [], brokenLinks: [], units: [], missing: [], accountKeys: [] },
    pauseImages: { runtime: undefined, kubelet: undefined },
    ...{ kubeletFile: undefined, proxyFile: undefined, unreadable: [], workDirectory: undefined, localPorts: undefined },
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
    '[Unit]\nRequires=network.service containerd.service\n[Service]\nUser=kube\nExecStart=/usr/bin/kubelet \\\n  --bootstrap-kubeconfig=/etc/b --config=/etc/kubelet.yaml \\\n  --pod-infra-container-image=pause:3.1\n  --v=2\nRestart=always\n',
  );
  await put('/usr/lib/systemd/system/kube-proxy.service', '[Service]\nExecStart=-/bin/kube-proxy --config=/etc/proxy.yaml\n');
  await put('/etc/proxy.yaml', 'winkernel:\n  sourceVip: ""#\n');
  await put('/bin/kube-proxy', '');
  await put('/var/lib/kubelet/kept', '');
  await put('/proc/sys/net/ipv4/ip_local_port_range', '1024\t65535\n');
  await put('/proc/sys/net/ipv4/ip_local_reserved_ports', '\n');
  await put('/etc/kubelet.yaml', 'maxPods: 220\nauthentication: { x509: { clientCAFile: "/etc/kubernetes/pki/ca.pem" } }\n');
  await put('/usr/lib/systemd/system/kubelet.service', '[Service]\nExecStart=/usr/bin/kubelet --kubeconfig /etc/k $MORE\n');
  await symlink('usr/lib', join(root, 'lib'));
  await put('/etc/containerd/config.toml', '[plugins."io.containerd.grpc.v1.cri"]\n  sandbox_image = "pause:3.9"\n');
  const before = await traces();
  const seen = await look();
  assert.deepEqual(await traces(), before, 'nothing was written, made or taken away');
  assert.deepEqual(
    seen.certificates.map(({ where, subject }) => [where, subject]),
    [['/etc/kubernetes/pki/apiserver.crt', 'CN=m1']],
  );
  assert.deepEqual(
    seen.keys.map(({ mode, path }) => [mode.slice(0, 10), path]),
    [
      ['-rw-r-----', '/etc/kubernetes/pki/apiserver.key'],
      ['-rw-------', '/etc/kubernetes/ssl/kept.key'],
      ['-rw-------', '/var/lib/kubelet/pki/kubelet-client-2026-01-01-00-00-00.pem'],
    ],
  );
  assert.deepEqual(seen.brokenLinks, ['/var/lib/kubelet/pki/kubelet-client-current.pem']);
  assert.deepEqual(seen.swapAreas, ['/dev/sda2']);
  assert.deepEqual(
    seen.units.map(({ path, flags, lost, user, whole }) => [path, Object.fromEntries(flags), lost, user, whole]),
    [
      [
        '/etc/systemd/system/kubelet.service',
        { 'bootstrap-kubeconfig': '/etc/b', config: '/etc/kubelet.yaml', 'pod-infra-container-image': 'pause:3.1' },
        ['--v'],
        'kube',
        true,
      ],
      ['/usr/lib/systemd/system/kubelet.service', { kubeconfig: '/etc/k' }, [], undefined, false],
      ['/usr/lib/systemd/system/kube-proxy.service', { config: '/etc/proxy.yaml' }, [], undefined, true],
    ],
  );
  assert.deepEqual(seen.kubeletFile, {
    path: '/etc/kubelet.yaml',
    settings: { maxPods: 220, authentication: { x509: { clientCAFile: '/etc/kubernetes/pki/ca.pem' } } },
  });
  assert.deepEqual(seen.missing, [
    { unit: '/etc/systemd/system/kubelet.service', flag: 'bootstrap-kubeconfig', path: '/etc/b' },
    { unit: '/etc/systemd/system/kubelet.service', flag: 'clientCAFile', path: '/etc/kubernetes/pki/ca.pem' },
    { unit: '/etc/systemd/system/kubelet.service', flag: 'program', path: '/usr/bin/kubelet' },
    { unit: '/usr/lib/systemd/system/kubelet.service', flag: 'kubeconfig', path: '/etc/k' },
    { unit: '/usr/lib/systemd/system/kubelet.service', flag: 'program', path: '/usr/bin/kubelet' },
  ]);
  assert.deepEqual(
    seen.unreadable.map(({ path }) => path),
    ['/etc/proxy.yaml'],
  );
  assert.deepEqual(seen.units[0]!.requires, ['network.service', 'containerd.service']);
  assert.equal(seen.workDirectory?.path, '/var/lib/kubelet');
  assert.deepEqual(seen.localPorts, { from: 1024, to: 65_535, reserved: '' });
  assert.deepEqual(seen.pauseImages, { runtime: 'pause:3.9', kubelet: 'pause:3.1' });
});

test('files whose names have blanks are followed; keys of service-account tokens are told by their public halves', async () => {
  const other = await mkdtemp(join(tmpdir(), 'muster-host-'));
  const lookThere = () => lookAtHost({ run: runProgram, signal: new AbortController().signal, root: other });
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(other, path)), { recursive: true });
    await writeFile(join(other, path), text, { mode: 0o600 });
  };
  try {
    const { certificatePem, privateKeyPem } = await createSelfSigned({
      ...{ commonName: 'sa', dnsNames: [], ipAddresses: [], notBeforeMs: 0, notAfterMs: Date.parse('2030-01-01T00:00:00Z') },
    });
    await write('/etc/kube conf/kubelet.yaml', 'maxPods: 220\n');
    await write('/keys/sa key.pem', privateKeyPem);
    await write('/data/kubelet pki/kubelet-client-current.pem', certificatePem + privateKeyPem);
    await write('/keys/sa.crt', certificatePem);
    await write(
      '/etc/systemd/system/kubelet.service',
      '[Service]\nExecStart=/usr/bin/kubelet --config "/etc/kube conf/kubelet.yaml" \\\n  \'--kubeconfig=/etc/kube conf/none\' --v=2 "--cert-dir=/data/kubelet pki"\n',
    );
    await write(
      '/etc/systemd/system/kube-controller-manager.service',
      '[Service]\nExecStart=/kcm --service-account-private-key-file=/keys/sa\\x20key.pem\n',
    );
    await write(
      '/etc/kubernetes/manifests/kube-apiserver.yaml',
      'spec:\n  containers:\n  - command:\n    - kube-apiserver\n    - --service-account-key-file=/keys/sa.crt\n    - --service-account-key-file=/keys/none\n',
    );
    const seen = await lookThere();
    assert.deepEqual(seen.kubeletFile, { path: '/etc/kube conf/kubelet.yaml', settings: { maxPods: 220 } });
    assert.deepEqual(
      seen.missing.filter(({ flag }) => flag !== 'program').map(({ flag, path }) => [flag, path]),
      [['kubeconfig', '/etc/kube conf/none']],
    );
    assert.deepEqual(
      seen.certificates.map(({ where }) => where),
      ['/data/kubelet pki/kubelet-client-current.pem'],
    );
    const { keyId } = createTokenSigner(privateKeyPem);
    assert.deepEqual(seen.accountKeys, [
      { component: 'kube-apiserver', flag: 'service-account-key-file', path: '/keys/sa.crt', keyIds: [keyId] },
      {
        ...{ component: 'kube-controller-manager', flag: 'service-account-private-key-file' },
        ...{ path: '/keys/sa key.pem', keyIds: [keyId] },
      },
    ]);
    assert.equal(JSON.stringify(seen).includes('PRIVATE'), false);
  } finally {
    await rm(other, { recursive: true });
  }
});

test('with what a kubelet is to join is seen without what is secret, and how far a host’s clock is from ours', async () => {
  const other = await mkdtemp(join(tmpdir(), 'muster-host-'));
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(other, path)), { recursive: true });
    await writeFile(join(other, path), text);
  };
  const { signal } = new AbortController();
  const lookThere = (now: number) =>
    lookAtHostBySsh('w', {
      ...{ signal, clock: { now: () => now } },
      run: (_program, _args, { input } = {}) => runProgram('sh', ['-s'], { input: `ROOT='${other}'\n${input as string}` }),
    });
  try {
    const { certificatePem, privateKeyPem } = await createSelfSigned({
      ...{ commonName: 'ca', dnsNames: [], ipAddresses: [], notBeforeMs: 0, notAfterMs: Date.parse('2030-01-01T00:00:00Z') },
    });
    await write(
      '/etc/systemd/system/kubelet.service',
      '[Service]\nExecStart=/usr/bin/kubelet --bootstrap-kubeconfig=/etc/boot\n',
    );
    await write('/var/lib/kubelet/pki/kubelet-client-current.pem', certificatePem + privateKeyPem);
    const ca = Buffer.from(certificatePem).toString('base64');
    const inYaml = (authority: string) =>
      `clusters:\n- cluster:\n    ${authority}\n    server: https://m1:6443\nusers:\n- user:\n    token: abcdef.0123456789abcdef\n`;
    await write('/etc/ca.pem', certificatePem);
    const seen = { path: '/etc/boot', server: 'https://m1:6443', tokenId: 'abcdef' };
    const inJson = {
      clusters: [{ cluster: { 'certificate-authority-data': ca, server: 'https://m1:6443' } }],
      users: [{ user: { token: 'abcdef.0123456789abcdef' } }],
    };
    for (const text of [
      inYaml(`certificate-authority-data: ${ca}`),
      inYaml('certificate-authority: /etc/ca.pem'),
      JSON.stringify(inJson),
      JSON.stringify(inJson, undefined, 2),
    ]) {
      await write('/etc/boot', text);
      const found = await lookThere(Date.now() - 3_600_000);
      const { authorityPem = '', ...joining } = found.joining ?? {};
      assert.deepEqual(joining, seen, text);
      assert.equal(authorityPem.trim(), certificatePem.trim(), text);
      assert.equal(found.kubeletClient?.pem.trim(), certificatePem.trim());
      assert.equal(Math.round(found.clockOffsetMs! / 60_000), 60);
      assert.doesNotMatch(JSON.stringify(found), /0123456789abcdef|PRIVATE/);
    }
    await write('/etc/boot', inYaml('insecure-skip-tls-verify: true').replace('abcdef.0123456789abcdef', 'f'.repeat(32)));
    const plain = await lookThere(Date.now() + 3_600_000);
    assert.deepEqual(plain.joining, { ...seen, tokenId: undefined, authorityPem: '' });
    assert.equal(Math.round(plain.clockOffsetMs! / 60_000), -60);
  } finally {
    await rm(other, { recursive: true });
  }
});

test('another host is looked at by ssh with what root may see, without a password; its paths carry its name', async () => {
  const { signal } = new AbortController();
  const asked: (readonly string[])[] = [];
  const seen = await lookAtHostBySsh('root@m2', {
    signal,
    run: async (program, args, { input } = {}) => {
      asked.push([program, ...args]);
      return await runProgram('sh', ['-s'], { input: `ROOT='${root}'\n${input as string}` });
    },
  });
  assert.equal(seen.certificates[0]!.where, 'root@m2:/etc/kubernetes/pki/apiserver.crt');
  assert.deepEqual(asked[0]!.slice(0, 7), ['ssh', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10', '--', 'root@m2']);
  assert.match(asked[0]![7]!, /sudo -n sh -s/);
  const refusing = () => {
    const failure = { program: 'ssh', args: [], exitCode: 255, stdout: '', stderr: 'm2: Permission denied (publickey).\n' };
    return Promise.reject(new ProgramError('failed', 'PROGRAM_FAILED', failure));
  };
  await assert.rejects(lookAtHostBySsh('m2', { signal, run: refusing }), {
    message: 'm2 cannot be reached by ssh: m2: Permission denied (publickey).',
  });
});

test('whatever a host prints is read', () => {
  const line = fc.oneof(
    fc.string(),
    fc
      .tuple(fc.constantFrom('H ', 'S ', 'L ', 'K ', 'C ', 'T ', 'N ', 'D ', 'P ', '|'), fc.string())
      .map((parts) => parts.join('')),
    fc.constantFrom(
      'T /etc/systemd/system/kubelet.service',
      '|ExecStart=x --config=/a \\',
      '|-----BEGIN CERTIFICATE-----',
      'T /a',
      '|{',
    ),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      readHost(lines.join('\n'));
    }),
  );
});

test('a kubelet shows the certificate of its own directory, whatever one of before has left elsewhere', () => {
  const before = ['C /var/lib/kubelet/pki/kubelet-client-current.pem', '|of before'];
  const own = ['C /etc/kubernetes/ssl/kubelet-client-current.pem', '|own'];
  const unit = (flags: string) => ['T /etc/systemd/system/kubelet.service', `|ExecStart=/usr/bin/kubelet ${flags}`];
  const shown = (...lines: string[]) => readHost(lines.join('\n')).kubeletClient?.pem;
  assert.equal(shown(...own, ...before, ...unit('--cert-dir=/etc/kubernetes/ssl/')), 'own');
  assert.equal(shown(...before, ...unit('--cert-dir=/etc/kubernetes/ssl')), undefined);
  assert.equal(shown(...before, ...own, ...unit('')), 'of before');
  assert.equal(shown(...before, ...own, ...unit('$ARGS')), 'of before');
  assert.equal(shown(...own, ...unit('$ARGS')), 'own');
});
