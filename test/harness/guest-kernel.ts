/** A second Linux kernel as an ordinary process (User-mode Linux): what this machine's kernel has no module for is seen working there. */
import { readFileSync, statfsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { runCommand } from './run-command.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { missingPrograms } from './tools.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MODULES = '/usr/lib/uml/modules';
const XTABLES = ['ip', 'ip6'].flatMap((family) => ['', '-save', '-restore'].map((part) => `${family}tables${part}`));
/** Set within the guest. */
const INSIDE = 'MUSTER_TEST_GUEST';

export interface GuestOptions {
  /** Of the kernel's modules, by modprobe(8); those that a program loads by itself need not be named. */
  readonly modules?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default 1024. */
  readonly memoryMiB?: number;
  /** The guest ends after this time, whatever it does. Default 120 s. */
  readonly timeoutMs?: number;
}

export interface GuestResult {
  /** Of the command; undefined when the guest ended before it did. */
  readonly status: number | undefined;
  /** Standard output and standard error, as they came. */
  readonly output: string;
  /** What the kernel itself said. */
  readonly console: string;
}

/**
 * Boots a guest, runs a command in it and ends it. The guest has this machine's files; what it writes stays in its memory and goes with
 * it, except in directories that are shared. It has a network of its own with nothing but `lo`, and is root.
 *
 * @param shared directories in which what the guest writes is seen here, and the other way round
 * @throws Error naming the package, when a program is missing
 */
export async function runInGuest(
  command: readonly string[],
  { modules = [], env = {}, memoryMiB = 1024, timeoutMs = 120_000 }: GuestOptions = {},
  shared: readonly string[] = [],
): Promise<GuestResult> {
  const missing = missingPrograms({ 'linux.uml': 'user-mode-linux', modprobe: 'kmod', unshare: 'util-linux' });
  if (missing.length > 0) throw new Error(missing.join('\n'));
  await using directory = await temporaryDirectory();
  const init = directory.file('init');
  await writeFile(init, initScript(command, { modules, env, shared: [...shared, directory.path] }, directory.file('status')), {
    mode: 0o700,
  });
  // In a namespace of their own, since the kernel's helping processes outlive it when it is killed.
  const { stdout, stderr } = await runCommand(
    'timeout',
    [
      ...['-s', 'KILL', String(timeoutMs / 1000), 'unshare', '--pid', '--fork', '--kill-child', 'linux.uml'],
      ...[`mem=${memoryMiB}M`, `uml_dir=${directory.path}`, 'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro'],
      ...[`init=${init}`, 'con=null', 'con0=null,fd:2', 'ssl=null', 'ssl0=null,fd:1', 'quiet'],
    ],
    { env: { TMPDIR: memoryDirectory(memoryMiB), HOME: directory.path }, timeoutMs: timeoutMs + 10_000 },
  );
  const status = await readFile(directory.file('status'), 'utf8').catch(() => '');
  return { status: status === '' ? undefined : Number(status), output: stdout, console: stderr };
}

/**
 * The tests that `declare` declares, run in a guest. A test file calls this once, with its own name, and runs twice: here, where each
 * test is shown with what became of it there, and in the guest.
 */
export async function testInGuest(file: string, options: GuestOptions, declare: () => void): Promise<void> {
  if (process.env[INSIDE]) return declare();
  await using directory = await temporaryDirectory();
  const results = directory.file('results');
  const reporter = join(import.meta.dirname, 'guest-results.ts');
  const reporters = { spec: 'stdout', [reporter]: results };
  const flags = Object.entries(reporters).flatMap(([name, destination]) => [
    `--test-reporter=${name}`,
    `--test-reporter-destination=${destination}`,
  ]);
  const env = { ...options.env, [INSIDE]: '1' };
  const guest = await runInGuest([process.execPath, ...flags, file], { ...options, env }, [directory.path]);
  const told = (await readFile(results, 'utf8').catch(() => '')).split('\n').filter(Boolean);
  const ended = told.map((line) => JSON.parse(line) as { readonly title: string; readonly failure?: string });
  for (const { title, failure } of ended)
    test(title, () => {
      if (failure !== undefined) throw new Error(`in the guest: ${failure}\n${guest.output}`);
    });
  test('the guest ran all tests and ended', () => {
    if (guest.status === undefined || ended.length === 0)
      throw new Error(`it ended before its tests did:\n${guest.output}\n${guest.console}`);
    if (guest.status !== 0 && ended.every(({ failure }) => failure === undefined))
      throw new Error(`it ended with status ${guest.status}:\n${guest.output}`);
  });
}

/** Its memory is a file that is mapped to be run: quick where a file system in memory has the room and permits it. */
function memoryDirectory(memoryMiB: number): string {
  const shm = '/dev/shm';
  const [, , , options = 'noexec'] =
    readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .findLast(([, at]) => at === shm) ?? [];
  if (options.split(',').includes('noexec')) return tmpdir();
  const { bavail, bsize } = statfsSync(shm);
  return bavail * bsize > memoryMiB * 2 ** 20 ? shm : tmpdir();
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Makes the files of this machine the root, under a layer in memory that takes what is written; then runs the command. */
function initScript(
  command: readonly string[],
  { modules, env, shared }: { modules: readonly string[]; env: Readonly<Record<string, string>>; shared: readonly string[] },
  statusFile: string,
): string {
  const environment = { PATH: process.env['PATH'] ?? '', HOME: '/root', LANG: 'C.UTF-8', ...env };
  const mounted = (path: string) => `mkdir -p ${quoted(path)}; mount -t hostfs h ${quoted(path)} -o ${quoted(path)}`;
  const second = [
    'set -e',
    'mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev',
    'mkdir -p /dev/pts /dev/shm; mount -t devpts pts /dev/pts; mount -t tmpfs shm /dev/shm',
    'ln -sfn /proc/self/fd /dev/fd; mount -t cgroup2 cgroup2 /sys/fs/cgroup',
    'umount -l /.lower',
    'for directory in /tmp /run; do mount -t tmpfs t $directory; done',
    // What lay in one of those directories and is needed all the same.
    ...shared.map(mounted),
    `[ -e ${quoted(join(ROOT, 'package.json'))} ] || { ${mounted(ROOT)}; }`,
    `mkdir -p /lib/modules/$(uname -r); mount --bind ${MODULES}/$(uname -r) /lib/modules/$(uname -r)`,
    'ip link set lo up; stty raw -echo < /dev/ttyS0',
    // Its kernel has the tables of old only.
    ...XTABLES.map((name) => `ln -sfn xtables-legacy-multi /usr/sbin/${name}`),
    ...modules.map((name) => `modprobe ${quoted(name)}`),
    `cd ${quoted(ROOT)}; set +e`,
    `{ env -i ${Object.entries({ ...environment })
      .map(([name, value]) => `${name}=${quoted(value)}`)
      .join(' ')} ${command.map(quoted).join(' ')}; echo $? > ${quoted(statusFile)}; } 2>&1 < /dev/null | cat > /dev/ttyS0`,
    'sync; echo o > /proc/sysrq-trigger; sleep 60',
  ];
  return [
    '#!/bin/sh -e',
    `insmod ${MODULES}/$(uname -r)/kernel/fs/overlayfs/overlay.ko`,
    'mount -t tmpfs layer /mnt; mkdir /mnt/upper /mnt/work /mnt/root',
    'mount -t overlay root -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root',
    'cd /mnt/root; mkdir -p .lower; pivot_root . .lower',
    `exec chroot . /bin/sh -c ${quoted(second.join('\n'))}`,
    '',
  ].join('\n');
}
