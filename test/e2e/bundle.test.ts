import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { runOrFail } from '../harness/run-command.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const LONG_AGO = new Date('2020-01-01T00:00:00Z');
const CACHE = 'node_modules/.cache/muster';

// Plain JavaScript, which an older Node has to read.
const load = (path: string) => import(new URL(`../../${path}`, import.meta.url).href);
const { freshBundle } = (await load('bin/fresh-bundle.js')) as { freshBundle(root: string): string | undefined };
const { makeBundle } = (await load('bin/bundle.js')) as { makeBundle(root: string): Promise<void> };

/** A checkout with next to nothing in it, none of it of today. */
async function smallCheckout() {
  const directory = await temporaryDirectory();
  const write = (path: string, text: string) => {
    mkdirSync(dirname(directory.file(path)), { recursive: true });
    writeFileSync(directory.file(path), text);
  };
  write('bin/start.js', '');
  write('src/cli/main.ts', "import { word } from '../std/word.ts';\nconsole.log(word);\n");
  write('src/std/word.ts', "export const word: string = 'one';\n");
  write('src/std/other.ts', "export const word: string = 'two';\n");
  write('src/std/word.test.ts', '// nothing');
  for (const path of ['bin', 'src', ...globSync('{bin,src}/**/*', { cwd: directory.path })])
    utimesSync(directory.file(path), LONG_AGO, LONG_AGO);
  return { ...directory, write, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

type Checkout = Awaited<ReturnType<typeof smallCheckout>>;

const bundleIn = (checkout: Checkout) =>
  globSync('bundle-*', { cwd: checkout.file(CACHE) }).map((name) => checkout.file(CACHE, name));

const CHANGES: readonly [string, (checkout: Checkout) => void][] = [
  ['a source is edited', ({ write }) => write('src/std/word.ts', "export const word: string = 'two';\n")],
  ['a source is older than it was', ({ file }) => utimesSync(file('src/std/word.ts'), 1, 1)],
  [
    'a source is longer, at the same time',
    (checkout) => {
      checkout.write('src/std/word.ts', "export const word: string = 'three';\n");
      utimesSync(checkout.file('src/std/word.ts'), LONG_AGO, LONG_AGO);
    },
  ],
  [
    'a source takes the place of another of its size and time',
    ({ file }) => renameSync(file('src/std/other.ts'), file('src/std/word.ts')),
  ],
  ['a source is added', ({ write }) => write('src/std/new.ts', '')],
  ['a source is removed', ({ file }) => rmSync(file('src/std/other.ts'))],
  ['a directory is added', ({ file }) => mkdirSync(file('src/cli/new'))],
  ['what starts the program is edited', ({ write }) => write('bin/start.js', '// edited')],
  ['the bundle is truncated', (checkout) => truncateSync(join(bundleIn(checkout)[0]!, 'cli/main.mjs'), 10)],
  ['the bundle is gone', (checkout) => rmSync(bundleIn(checkout)[0]!, { recursive: true })],
  ['the manifest is truncated', ({ file }) => truncateSync(file(CACHE, 'bundle.json'), 10)],
  ['the manifest is of another kind', ({ write }) => write(`${CACHE}/bundle.json`, '{"directory":".","files":[],"sources":[]}')],
];

for (const [what, change] of CHANGES) {
  test(`a bundle is not used when ${what}`, async () => {
    await using checkout = await smallCheckout();
    await makeBundle(checkout.path);
    assert.deepEqual([freshBundle(checkout.path)], bundleIn(checkout));
    change(checkout);
    assert.equal(freshBundle(checkout.path), undefined);
  });
}

test('an edited test leaves the bundle as good as it was', async () => {
  await using checkout = await smallCheckout();
  await makeBundle(checkout.path);
  checkout.write('src/std/word.test.ts', '// something');
  assert.ok(freshBundle(checkout.path));
});

test('a bundle is replaced as a whole, and the one before it stays for those who run it', async () => {
  await using checkout = await smallCheckout();
  const made: (string | undefined)[] = [];
  for (const word of ['one', 'two', 'three']) {
    checkout.write('src/std/word.ts', `export const word: string = '${word}';\n`);
    await makeBundle(checkout.path);
    made.push(freshBundle(checkout.path));
    assert.equal(await runOrFail(process.execPath, [join(made.at(-1)!, 'cli/main.mjs')]), `${word}\n`);
  }
  assert.deepEqual(
    made.map((bundle) => existsSync(bundle!)),
    [false, true, true],
  );
});

test('sources that cannot be bundled leave nothing behind, and the bundle before them is not used', async () => {
  await using checkout = await smallCheckout();
  await makeBundle(checkout.path);
  const before = readdirSync(checkout.file(CACHE)).sort();
  checkout.write('src/std/word.ts', 'export const word: string = ;\n');
  await assert.rejects(makeBundle(checkout.path), /word\.ts/);
  assert.deepEqual(readdirSync(checkout.file(CACHE)).sort(), before);
  assert.equal(freshBundle(checkout.path), undefined);
});

test('muster runs from the bundle until a source is edited', async () => {
  await using checkout = await temporaryDirectory();
  for (const name of ['bin', 'src', 'package.json', 'tsconfig.json'])
    cpSync(join(ROOT, name), checkout.file(name), { recursive: true });
  mkdirSync(checkout.file('node_modules'));
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '.cache') symlinkSync(join(ROOT, 'node_modules', name), checkout.file('node_modules', name));
  }
  const version = async (env = {}) =>
    (await runOrFail(process.execPath, [checkout.file('bin/muster.js'), 'version'], { env })).split(' ')[1];
  const say = (file: string, said: string) =>
    writeFileSync(file, readFileSync(file, 'utf8').replace(/(MUSTER_VERSION = ["'])[^"']*/, `$1${said}`));

  const plain = await version();
  await makeBundle(checkout.path);
  assert.equal(await version(), plain);
  const bundled = globSync(`${CACHE}/bundle-*/**/*.mjs`, { cwd: checkout.path }).map((file) => checkout.file(file));
  const holder = bundled.find((file) => /MUSTER_VERSION = /.test(readFileSync(file, 'utf8')))!;
  say(holder, 'b.b.b');
  assert.equal(await version(), 'b.b.b');
  // Whose environment has come from elsewhere decides for itself.
  assert.equal(await version({ MUSTER_MAIN: `${process.ppid}:/nonexistent/main.ts` }), 'b.b.b');
  say(checkout.file('src/std/version.ts'), 's.s.s');
  assert.equal(await version(), 's.s.s');
});
