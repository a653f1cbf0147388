import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { globSync } from 'node:fs';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startContainerd } from '../harness/containerd.ts';
import { criPods } from '../harness/cri-pods.ts';
import { freePort } from '../harness/free-port.ts';
import { BUSYBOX } from '../harness/images.ts';
import { runOrFail } from '../harness/run-command.ts';
import { until } from '../harness/until.ts';

test('containers do what the spec says they may, and nothing else', async () => {
  await using containerd = await startContainerd({
    images: [
      { names: ['registry.test/web:1'], user: 'web' },
      { names: ['registry.test/thousand:1'], user: '1000' },
    ],
  });
  using pods = await criPods(containerd);
  const { runtime } = pods;
  const pod = pods.pod(
    [
      { name: 'plain' },
      { name: 'other', securityContext: { runAsUser: 2000, runAsGroup: 3000, allowPrivilegeEscalation: false } },
      { name: 'strict', securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } } },
      { name: 'mighty', securityContext: { privileged: true } },
      { name: 'default', securityContext: { seccompProfile: { type: 'RuntimeDefault' } } },
      { name: 'web', image: 'registry.test/web:1' },
      { name: 'root-refused', securityContext: { runAsNonRoot: true } },
      { name: 'name-refused', image: 'registry.test/web:1', securityContext: { runAsNonRoot: true } },
      { name: 'number-taken', image: 'registry.test/thousand:1', securityContext: { runAsNonRoot: true } },
    ],
    {
      securityContext: {
        fsGroup: 4000,
        supplementalGroups: [4001],
        sysctls: [{ name: 'net.ipv4.ip_local_port_range', value: '30000 30100' }],
      },
      hostIPC: true,
    },
  );
  const sandbox = await pods.sandbox(pod);
  const read = async (name: string, script: string) => {
    const { id } = await pods.start(sandbox, pod, name, { mounts: [], supplementalGroups: [4002] });
    return String((await runtime.streams!.execSync(id, ['sh', '-c', script], 10_000)).stdout).trim();
  };
  assert.equal(
    await read('plain', 'id -u; id -G; cat /proc/sys/net/ipv4/ip_local_port_range; grep Seccomp: /proc/self/status'),
    '0\n0 4000 4001 4002\n30000\t30100\nSeccomp:\t0',
  );
  assert.match(
    await read('other', 'id; grep NoNewPrivs /proc/self/status'),
    /^uid=2000 gid=3000 groups=3000,4000,4001,4002\nNoNewPrivs:\t1$/,
  );
  assert.match(await read('strict', 'touch /x; grep CapEff /proc/self/status'), /^CapEff:\t0+$/);
  assert.match(await read('mighty', 'touch /proc/sys/kernel/hostname && echo writable; ls /dev/mem'), /^writable/);
  assert.equal(await read('default', 'grep Seccomp: /proc/self/status'), 'Seccomp:\t2');
  assert.match(await read('web', 'id'), /^uid=1000\(web\)/);
  assert.equal(await read('number-taken', 'id -u'), '1000');
  const text = `${pod.metadata!.name}_default(${pod.metadata!.uid})`;
  await assert.rejects(pods.start(sandbox, pod, 'root-refused'), {
    reason: 'CreateContainerConfigError',
    message: `container has runAsNonRoot and image will run as root (pod: "${text}", container: root-refused)`,
  });
  await assert.rejects(pods.start(sandbox, pod, 'name-refused'), {
    message: `container has runAsNonRoot and image has non-numeric user (web), cannot verify user is non-root (pod: "${text}", container: name-refused)`,
  });
});

test('process 1 of a pod that shares its processes reaps zombies, and ends at once when asked (CRI-03)', async () => {
  await using containerd = await startContainerd();
  using pods = await criPods(containerd);
  const { runtime } = pods;
  const pod = pods.pod([{}], { shareProcessNamespace: true });
  const sandbox = await pods.sandbox(pod);
  const { id } = await pods.start(sandbox, pod, 'c0');
  const run = async (script: string) => String((await runtime.streams!.execSync(id, ['sh', '-c', script], 20_000)).stdout).trim();
  assert.equal(await run('readlink /proc/1/exe; cat /proc/1/comm'), 'pause');
  // Orphans end while nobody but process 1 waits for them.
  await run('for i in $(seq 20); do (sh -c "sleep 0.1" & ) ; done');
  await until(
    'no zombie is left',
    async () =>
      (await run('grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l')) === '0' &&
      (await run('ps | grep -c "[s]leep 0.1"')) === '0',
  );
  const pid = (await runtime.stats!.sandboxPidOf(sandbox.id))!;
  assert.match(await readFile(`/proc/${pid}/status`, 'utf8'), /^Threads:\t1$/m);
  process.kill(pid, 'SIGTERM');
  await until('the sandbox has ended', async () => (await runtime.list(pod.metadata!.uid)).sandboxes[0]?.ready === false);
});

test('the built-in sandbox image stays pinned, and one that is there is not replaced', async () => {
  await using containerd = await startContainerd();
  using pods = await criPods(containerd);
  await pods.sandbox(pods.pod([]));
  const image = await pods.runtime.images!.find(containerd.sandboxImage);
  assert.equal(image?.pinned, true);
  assert.ok(image!.sizeBytes < 4096, `${image!.sizeBytes} bytes`);
  // A kubelet started anew knows it before it has made a sandbox: its image clean-up may be quicker.
  using restarted = await criPods(containerd);
  const known = await restarted.runtime.images!.list();
  assert.deepEqual(
    known.filter(({ pinned }) => pinned).map(({ repoTags }) => repoTags),
    [[containerd.sandboxImage]],
  );
  assert.match(await containerd.ctr('images', 'ls', `name==${containerd.sandboxImage}`), /io\.cri-containerd\.pinned=pinned/);
  assert.ok((await pods.runtime.images!.list()).some(({ repoTags }) => repoTags.includes('registry.test/busybox:latest')));

  await using other = await startContainerd({ images: [{ names: ['registry.test/pause:1'], cmd: ['sleep', '1000'] }] });
  using others = await criPods(other);
  await others.sandbox(others.pod([]));
  assert.ok((await others.runtime.images!.find(other.sandboxImage))!.sizeBytes > 100_000);
});

test('containers of a pod reach each other, the node reaches their ports, and a debugger sees its target', async () => {
  await using containerd = await startContainerd();
  using pods = await criPods(containerd);
  const { runtime } = pods;
  const hostPort = await freePort();
  const serve = ['sh', '-c', 'mkdir -p /www && echo served > /www/index.html && httpd -f -p 8080 -h /www'];
  const pod = pods.pod([{ name: 'web', command: serve, ports: [{ containerPort: 8080, hostPort }] }, { name: 'side' }], {
    ephemeralContainers: [{ name: 'debug', image: BUSYBOX, command: ['sleep', '1000'] }],
  });
  const sandbox = await pods.sandbox(pod);
  const web = await pods.start(sandbox, pod, 'web');
  const side = await pods.start(sandbox, pod, 'side');
  const debug = await pods.start(sandbox, pod, 'debug', { targetContainerId: web.id });
  const run = async (id: string, ...command: string[]) => String((await runtime.streams!.execSync(id, command, 10_000)).stdout);
  await until('the page is served', async () => (await run(side.id, 'wget', '-qO-', 'http://127.0.0.1:8080/')) === 'served\n');
  assert.equal(await (await fetch(`http://${sandbox.ips[0]}:8080/`)).text(), 'served\n');
  assert.match(await run(debug.id, 'ps'), /httpd -f -p 8080/);
  assert.doesNotMatch(await run(side.id, 'ps'), /httpd/);
  const rules = await runOrFail('iptables', ['-t', 'nat', '-S']);
  assert.ok(rules.includes(`--dport ${hostPort}`), 'the host port is mapped');
  await containerd[Symbol.asyncDispose]();
  assert.ok(
    !(await runOrFail('iptables', ['-t', 'nat', '-S'])).includes(containerd.network.name),
    'the mapping went with the pod',
  );
});

test('mounts, devices, a terminal, and the cgroup that the pod is put into', async (t) => {
  await using containerd = await startContainerd();
  using pods = await criPods(containerd);
  const { runtime } = pods;
  const parent = `/muster-cri-${randomBytes(4).toString('hex')}`;
  const shared = join(containerd.root, 'shared');
  // The parent is whose it was asked for; nobody else takes it away.
  t.after(async () => {
    for (const hierarchy of globSync(`/sys/fs/cgroup/**/${parent.slice(1)}`)) await rmdir(hierarchy);
  });
  await mkdir(shared);
  // Mounts pass from the node only below a mount that is shared, which systemd makes of `/`, and other machines may not.
  await runOrFail('mount', ['--bind', shared, shared]);
  await runOrFail('mount', ['--make-shared', shared]);
  await writeFile(join(shared, 'file'), 'from the node');
  const pod = pods.pod([{ name: 'app', tty: true, stdin: true }]);
  const sandbox = await pods.sandbox(pod, { cgroupParent: parent });
  const { id } = await pods.start(sandbox, pod, 'app', {
    mounts: [
      { hostPath: shared, containerPath: '/rw', readOnly: false },
      { hostPath: shared, containerPath: '/ro', readOnly: true, propagation: 'host-to-container' },
    ],
    devices: [{ hostPath: '/dev/null', containerPath: '/dev/nothing', permissions: 'rwm' }],
    resources: { cpuShares: 512, memoryLimitBytes: 32 << 20, oomScoreAdj: 900 },
  });
  const run = async (script: string) => String((await runtime.streams!.execSync(id, ['sh', '-c', script], 10_000)).stdout).trim();
  assert.equal(
    await run('cat /ro/file; echo changed > /rw/file; touch /ro/x 2>&1; cat /ro/file'),
    'from the nodetouch: /ro/x: Read-only file system\nchanged',
  );
  assert.equal(await run('stat -c %F /dev/nothing; cat /proc/1/oom_score_adj'), 'character special file\n900');
  const pid = await runtime.stats!.pidOf(id);
  assert.match(await readFile(`/proc/${pid}/cgroup`, 'utf8'), new RegExp(`${parent}/${id}`));
  assert.deepEqual((await runtime.list(pod.metadata!.uid)).containers[0]?.resources?.memoryLimitBytes, 32 << 20);
  const attach = await runtime.streams!.attach({ containerId: id, stdin: true, stdout: true, stderr: false, tty: true });
  const forward = await runtime.streams!.portForward(sandbox.id, [80]);
  assert.deepEqual([attach.pathname.split('/')[1], forward.pathname.split('/')[1]], ['attach', 'portforward']);
});
