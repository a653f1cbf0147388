import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { PROGRAM } from '../harness/component-process.ts';
import { freePort } from '../harness/free-port.ts';
import { runCommand, runOrFail } from '../harness/run-command.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';

// Nothing of ours on the PATH: what a unit file or a login shell has.
const PLAIN = { PATH: '/usr/bin:/bin' };
const link = (directory: string, ...more: string[]) => runCommand(process.execPath, [PROGRAM, 'link', directory, ...more]);

test('linked names start what they are called, whatever PATH says', async () => {
  await using directory = await temporaryDirectory();
  assert.equal((await link(directory.file('bin'))).status, 0);
  assert.equal((await link(directory.file('bin'))).status, 0);
  for (const name of ['kube-apiserver', 'kube-controller-manager', 'kubelet'])
    assert.equal(await runOrFail(directory.file('bin', name), ['--version'], { env: PLAIN }), 'Kubernetes v1.36.0\n');
  assert.match(
    await runOrFail(directory.file('bin', 'kubeadm'), ['token', 'generate'], { env: PLAIN }),
    /^[a-z0-9]{6}\.[a-z0-9]{16}\n$/,
  );
  const unknown = await runCommand(directory.file('bin', 'kubelet'), ['--no-such-flag'], { env: PLAIN });
  assert.deepEqual(
    [unknown.status, unknown.stderr],
    [2, 'kubelet: unknown flag: --no-such-flag; "kubelet --help" lists the flags\n'],
  );
});

test('a linked component is one process that is called by its name', async () => {
  await using directory = await temporaryDirectory();
  await link(directory.file('bin'));
  const port = await freePort();
  const args = ['--data-dir', directory.file('data'), '--name', 'titled', '--nodes', '0', '--runtime', 'hollow', '--foreground'];
  args.push('--port', String(port));
  const child = spawn(directory.file('bin', 'muster'), ['up', ...args], {
    env: { ...PLAIN, HOME: directory.path, MUSTER_HOME: directory.file('home'), KUBECONFIG: directory.file('kubeconfig') },
    stdio: 'ignore',
  });
  try {
    await until('the cluster is up', () => existsSync(directory.file('kubeconfig')));
    assert.equal(readFileSync(`/proc/${child.pid}/comm`, 'utf8'), 'muster\n');
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  assert.equal(child.exitCode, 0);
});

test("a program that is not muster's is not replaced unless that is asked for", async () => {
  await using directory = await temporaryDirectory();
  writeFileSync(directory.file('kubelet'), '#!/bin/sh\n');
  const refused = await link(directory.path);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /kubelet exists and is not a link to muster; .*--force/);
  assert.ok(!existsSync(directory.file('kubeadm')));
  assert.equal((await link(directory.path, '--force')).status, 0);
  assert.ok(existsSync(directory.file('kubeadm')));
});
