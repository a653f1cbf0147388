import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram } from '../host/run-program.ts';
import { rescueHost, rescueScript } from './rescue-host.ts';

const paths = {
  bootstrapKubeconfig: '/etc/kube conf/bootstrap',
  kubeconfig: "/etc/kube conf/kubelet's",
  certificateDirectory: '/var/lib/kubelet/pki',
};

test('a host gets the kubeconfig over standard input, what ran out is put aside, and doing it again does no harm', async () => {
  const root = await mkdtemp(join(tmpdir(), 'muster-host-'));
  try {
    const pki = join(root, paths.certificateDirectory);
    await mkdir(pki, { recursive: true });
    await mkdir(join(root, 'bin'));
    await writeFile(join(root, 'bin/systemctl'), `#!/bin/sh\necho "$@" >> '${root}/done'\n`);
    await chmod(join(root, 'bin/systemctl'), 0o755);
    await writeFile(join(pki, 'kubelet-client-2025.pem'), 'old');
    await symlink('kubelet-client-2025.pem', join(pki, 'kubelet-client-current.pem'));
    await writeFile(join(pki, 'kubelet-server-current.pem'), 'serving');
    const rescueThere = () =>
      rescueHost('m1', paths, 'token: $HOME `id`\n', {
        signal: new AbortController().signal,
        run: (program, args, { input } = {}) => {
          assert.equal([program, ...args].join(' ').includes('token'), false);
          const environment = { PATH: `${join(root, 'bin')}:${process.env['PATH']}`, ROOT: root };
          return runProgram('sh', ['-s'], { input: input as string, environment });
        },
      });
    await rescueThere();
    const bootstrap = join(root, paths.bootstrapKubeconfig);
    assert.equal(await readFile(bootstrap, 'utf8'), 'token: $HOME `id`\n');
    assert.equal((await stat(bootstrap)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(pki), ['kubelet-server-current.pem']);
    await writeFile(join(root, paths.kubeconfig), 'half');
    await rescueThere();
    assert.deepEqual((await readdir(`${pki}.before`)).sort(), [
      "kubelet's",
      'kubelet-client-2025.pem',
      'kubelet-client-current.pem',
    ]);
    assert.match(await readFile(join(root, 'done'), 'utf8'), /^(reset-failed kubelet\nrestart kubelet\n){2}$/);
  } finally {
    await rm(root, { recursive: true });
  }
});

test('a path that is none of a kubelet is written into no script', () => {
  for (const kubeconfig of ['relative', '/a\nb', '/a\0'])
    assert.throws(() => rescueScript({ ...paths, kubeconfig }, ''), { code: 'RESCUE_PATH' });
});
