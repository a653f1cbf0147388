/** On this machine's own cgroups, below a root of its own; passed over where there are none that one may write to. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { V1Pod } from '../../api/gen/types.ts';
import { systemClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { kernelCgroupFiles } from './cgroup-files.ts';
import { type CgroupMounts, readCgroupMounts } from './cgroup-mounts.ts';
import { createCgroupTree } from './cgroup-tree.ts';
import { createPodCgroups } from './pod-cgroups.ts';

async function writableCgroups(): Promise<CgroupMounts | undefined> {
  try {
    const mounts = await readCgroupMounts();
    for (const tree of mounts.trees) await access(tree, constants.W_OK);
    return mounts;
  } catch {
    return undefined;
  }
}

const mounts = await writableCgroups();

test('a pod with a running process is limited, found and removed by the kernel', {
  skip: !mounts && !process.env['CI'] && 'no cgroups to write to',
}, async () => {
  const root = `muster-test-${process.pid}`;
  const cgroups = createPodCgroups({
    configuration: completeConfiguration({ cgroupRoot: `/${root}`, evictionHard: {}, failSwapOn: false }),
    machine: {
      capacity: { cpu: '2', memory: '1Gi' },
      allocatable: { memory: '1Gi' },
      memoryBytes: 2 ** 30,
      swapBytes: 0,
      hasSystemd: false,
    },
    userNamespaces: { mappingsOf: async () => undefined, release: async () => {} },
    pods: () => [],
    clock: systemClock,
    logger: silentLogger,
  });
  const tree = createCgroupTree({
    mounts: mounts!,
    files: kernelCgroupFiles,
    driver: 'cgroupfs',
    clock: systemClock,
    kill: (pid) => process.kill(pid, 'SIGKILL'),
  });
  const resources = { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '500m', memory: '64Mi' } };
  const pod: V1Pod = { metadata: { uid: 'real', name: 'real' }, spec: { containers: [{ name: 'c', resources }] } };
  try {
    assert.deepEqual(await cgroups.ensure(pod), { cgroupParent: `/${root}/kubepods/burstable/podreal` });
    const name = [root, 'kubepods', 'burstable', 'podreal'];
    const memory = tree.directoryOf(name, 'memory')!;
    const limit = await readFile(join(memory, mounts!.version === 1 ? 'memory.limit_in_bytes' : 'memory.max'), 'utf8');
    assert.equal(limit.trim(), String(64 * 2 ** 20));
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    const ended = once(child, 'exit');
    for (const controller of mounts!.version === 1 ? ['cpu', 'memory', 'cpuset'] : ['memory'])
      await writeFile(join(tree.directoryOf(name, controller)!, 'cgroup.procs'), String(child.pid), { flag: 'r+' });
    assert.deepEqual(await cgroups.known(), ['real']);
    await cgroups.remove('real');
    assert.deepEqual(await ended, [null, 'SIGKILL']);
    assert.deepEqual(await cgroups.known(), []);
    assert.equal(await tree.exists(name), false);
  } finally {
    await tree.remove([root]);
  }
  assert.equal(await tree.exists([root]), false);
});
