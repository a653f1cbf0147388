import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';

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
});
after(() => rmSync(project, { recursive: true, force: true }));

const run = (args: string[]) =>
  execFileSync(process.execPath, args, {
    cwd: project,
    encoding: 'utf8',
    env: {
      ...process.env,
      MUSTER_HOME: join(project, 'home'),
      KUBECONFIG: join(project, 'kubeconfig'),
      XDG_CACHE_HOME: join(project, 'cache'),
    },
  });

test('an installed package has the command: a cluster starts and stops', () => {
  const muster = join(project, 'node_modules/kubemuster/bin/muster.js');
  try {
    const up = JSON.parse(run([muster, 'up', '--name', 'packed', '--nodes', '1', '--runtime', 'hollow', '-o', 'json'])) as {
      nodes: string[];
    };
    assert.deepEqual(up.nodes, ['node-1']);
  } finally {
    run([muster, 'down', '--name', 'packed']);
  }
});

test('an installed package has the library, and brings no sources or tests', () => {
  writeFileSync(
    join(project, 'use.mjs'),
    `import { startCluster } from 'kubemuster';
    await using cluster = await startCluster({ nodes: 1 });
    console.log(cluster.nodes.length);`,
  );
  assert.equal(run([join(project, 'use.mjs')]), '1\n');
  assert.deepEqual(readdirSync(join(project, 'node_modules/kubemuster')).sort(), [
    'LICENSE',
    'README.md',
    'bin',
    'dist',
    'docs',
    'package.json',
  ]);
  const files = readdirSync(join(project, 'node_modules/kubemuster/dist'), { recursive: true, encoding: 'utf8' });
  assert.deepEqual(
    files.filter((file) => /\.test\.|test-support|-contract\./.test(file)),
    [],
  );
});

test('a checkout imports itself by its name, without a build', () => {
  const script = "import('kubemuster').then(({ startCluster }) => console.log(typeof startCluster))";
  assert.equal(execFileSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' }), 'function\n');
});
