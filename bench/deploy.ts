// `node bench/deploy.ts [hosts]` (default 3), as root: whole hosts with systemd, sshd and containerd on this machine, which `muster deploy`
// makes a cluster of. The first three are masters with etcd and workers too, the others workers. Prints one JSON line.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROGRAM } from '../test/harness/component-process.ts';
import { builtExecutable } from '../test/harness/executable.ts';
import { runOrFail } from '../test/harness/run-command.ts';
import { startSystemdHosts } from '../test/harness/systemd-hosts.ts';
import { report } from './bench-cluster.ts';

const MASTERS = 3;
const count = Number(process.argv[2] ?? MASTERS);
const names = Array.from({ length: count + 1 }, (_, i) => `host-${i + 1}`);
const added = names.at(-1)!;

/** Seconds, to a tenth. */
async function seconds(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return Math.round((performance.now() - beganMs) / 100) / 10;
}

await builtExecutable();
await using hosts = await startSystemdHosts(names);
const inventory = join(hosts.directory, 'bench.yaml');
const deploy = (...words: string[]) =>
  runOrFail(process.execPath, [PROGRAM, 'deploy', ...words, '-f', inventory], { timeoutMs: 1_800_000 });
const write = (hostCount: number) =>
  writeFile(
    inventory,
    JSON.stringify({
      apiVersion: 'config.muster.dev/v1',
      kind: 'Inventory',
      ssh: { configFile: hosts.sshConfig },
      endpoint: { address: hosts.freeAddress, port: 8443, loadBalancer: 'haproxy' },
      hosts: hosts.hosts.slice(0, hostCount).map(({ name, address }, i) => ({
        ...{ name, address },
        roles: i < MASTERS ? ['etcd', 'master', 'worker'] : ['worker'],
      })),
    }),
  );
await write(count);
const bareToReadyS = await seconds(() => deploy('apply'));
const secondApplyS = await seconds(() => deploy('apply'));
const verifyS = await seconds(() => deploy('verify'));
await write(count + 1);
const addHostS = await seconds(() => deploy('node', 'add', added));
report({ bench: 'deploy', hosts: count, bareToReadyS, secondApplyS, verifyS, addHostS });
