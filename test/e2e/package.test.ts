import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { oldestNode, oldestNodeVersion } from '../harness/oldest-node.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** What the package holds besides the compiled code. */
const PACKED_FROM = ['LICENSE', 'README.md', 'bin', 'docs', 'package.json'];
let project: string;

/** A project that has installed the packed package, with the checkout's dependencies. */
before(() => {
  project = mkdtempSync(join(tmpdir(), 'muster-package-'));
  // Packing compiles into dist: not in the checkout, where other tests run.
  const copy = join(project, 'checkout');
  for (const name of [...PACKED_FROM, 'src', 'build.js', 'tsconfig.json', 'tsconfig.build.json'])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', project], { cwd: copy, encoding: 'utf8' });
  const modules = join(project, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  mkdirSync(join(modules, 'kubemuster'));
  execFileSync('tar', [
    'xzf',
    join(project, packed.trim().split('\n').at(-1)!),
    '-C',
    join(modules, 'kubemuster'),
    '--strip-components=1',
  ]);
  writeFileSync(
    join(project, 'use.mjs'),
    `import { startCluster } from 'kubemuster';
    const cluster = await startCluster({ nodes: 1 });
    console.log(cluster.nodes.length);
    await cluster[Symbol.asyncDispose]();`,
  );
});
after(() => rmSync(project, { recursive: true, force: true }));

const run = (args: string[], node = process.execPath) =>
  execFileSync(node, args, {
    cwd: project,
    encoding: 'utf8',
    env: {
      ...process.env,
      MUSTER_HOME: join(project, 'home'),
      KUBECONFIG: join(project, 'kubeconfig'),
      XDG_CACHE_HOME: join(project, 'cache'),
    },
  });

/** Starts a cluster, asks the doctor, and deletes it. Answers its nodes. */
function upAndDown(name: string, node?: string): readonly string[] {
  const muster = join(project, 'node_modules/kubemuster/bin/muster.js');
  try {
    const up = run([muster, 'up', '--name', name, '--nodes', '1', '--runtime', 'hollow', '-o', 'json'], node);
    run([muster, 'doctor'], node);
    return (JSON.parse(up) as { nodes: string[] }).nodes;
  } finally {
    run([muster, 'down', '--name', name], node);
  }
}

test('an installed package has the command: a cluster starts and stops', () => {
  assert.deepEqual(upAndDown('packed'), ['node-1']);
});

/** Two threads, each with a cluster of its own. */
function rehearse(node?: string): unknown {
  const muster = join(project, 'node_modules/kubemuster/bin/muster.js');
  const told = run([muster, 'rehearse', '--nodes', '2', '--for', '1d', '--control-planes', '2', '-o', 'json'], node);
  return (JSON.parse(told) as { summary: { joined: number } }).summary.joined;
}

test('an installed package has the code of its threads', () => {
  assert.equal(rehearse(), 2);
});

test('an installed package has the library, and brings no sources or tests', () => {
  assert.equal(run([join(project, 'use.mjs')]), '1\n');
  assert.deepEqual(readdirSync(join(project, 'node_modules/kubemuster')).sort(), [
    'LICENSE',
    'README.md',
    'bin',
    'dist',
    'docs',
    'package.json',
  ]);
  const required = "const { startCluster } = require('kubemuster'); console.log(typeof startCluster)";
  assert.equal(run(['-e', required]), 'function\n');
  const files = readdirSync(join(project, 'node_modules/kubemuster/dist'), { recursive: true, encoding: 'utf8' });
  assert.deepEqual(
    files.filter((file) => /\.test\.|test-support|-contract\./.test(file)),
    [],
  );
});

test('an installed package runs on the oldest Node that it names, and says so on an older one', async () => {
  const node = await oldestNode();
  const told = spawnSync(node, [join(project, 'use.mjs')], { encoding: 'utf8' });
  // No warning of Node's either: who keeps nothing on disk needs no database.
  assert.deepEqual([told.stdout, told.stderr], ['1\n', '']);
  assert.deepEqual(upAndDown('oldest', node), ['node-1']);
  assert.equal(rehearse(node), 2);

  const older = `Object.defineProperty(process.versions, 'node', { value: '20.19.0' });\nObject.defineProperty(process, 'version', { value: 'v20.19.0' });`;
  writeFileSync(join(project, 'older.cjs'), older);
  const muster = join(project, 'node_modules/kubemuster/bin/muster.js');
  const refused = spawnSync(node, ['--require', join(project, 'older.cjs'), muster, 'ls'], { encoding: 'utf8' });
  assert.equal(refused.status, 1);
  assert.equal(
    refused.stderr,
    `muster: needs Node ${await oldestNodeVersion()} or newer, this is v20.19.0: install a newer one\n`,
  );
});

test('a checkout imports itself by its name, without a build', () => {
  const script =
    "import('kubemuster').then(({ startCluster }) => console.log(startCluster === require('kubemuster').startCluster))";
  assert.equal(execFileSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' }), 'true\n');
});
