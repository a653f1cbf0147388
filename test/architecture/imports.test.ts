import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { CONDUCTORS, MAY_IMPORT } from './import-table.ts';

const SRC = resolve(import.meta.dirname, '../../src');

function sourceFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

const IMPORT = /^\s*(import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'(\.[^']+)'|import\(\s*'(\.[^']+)'\s*\)/gms;

interface Import {
  target: string;
  typeOnly: boolean;
  lazy: boolean;
}

function importsOf(file: string): Import[] {
  return [...readFileSync(file, 'utf8').matchAll(IMPORT)].map((m) => ({
    target: resolve(dirname(file), m[3] ?? m[4]!),
    typeOnly: m[2] !== undefined,
    lazy: m[4] !== undefined,
  }));
}

function roomOf(file: string): string {
  const path = relative(SRC, file);
  return path.startsWith('client/transport/') ? 'client/transport' : path.split('/')[0]!;
}

const files = sourceFiles(SRC);
/** Tests, and what is made for them. */
const FOR_TESTS = /\.test(-support)?\.ts$|-(contract|fixture)\.ts$|\/test-[^/]+\.ts$|\/testing\//;

test('a folder imports only what the table allows', () => {
  const wrong: string[] = [];
  for (const file of files) {
    const room = roomOf(file);
    if (CONDUCTORS.has(room) || /\.test(-support)?\.ts$|-contract\.ts$/.test(file)) continue;
    const allowed = MAY_IMPORT[room];
    assert.ok(allowed, `${relative(SRC, file)}: folder ${room} is not in the import table`);
    for (const { target } of importsOf(file)) {
      const targetRoom = roomOf(target);
      if (targetRoom !== room && !allowed.includes(targetRoom))
        wrong.push(`${relative(SRC, file)} imports ${relative(SRC, target)}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('nothing but tests imports what only tests need', () => {
  const wrong = files
    .filter((file) => !FOR_TESTS.test(file))
    .flatMap((file) => importsOf(file).filter(({ target }) => FOR_TESTS.test(target)));
  assert.deepEqual(wrong, []);
});

test('no file imports itself through others', () => {
  const graph = new Map(
    files.map(
      (file) =>
        [
          file,
          importsOf(file)
            .filter((i) => !i.typeOnly && !i.lazy)
            .map((i) => i.target),
        ] as const,
    ),
  );
  const cycles: string[] = [];
  const state = new Map<string, 'open' | 'closed'>();
  const visit = (file: string, path: string[]): void => {
    if (state.get(file) === 'closed') return;
    if (state.get(file) === 'open') {
      cycles.push([...path.slice(path.indexOf(file)), file].map((f) => relative(SRC, f)).join(' → '));
      return;
    }
    state.set(file, 'open');
    for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
    state.set(file, 'closed');
  };
  for (const file of files) visit(file, []);
  assert.deepEqual(cycles, []);
});

test('a file name says what the file is about', () => {
  const empty = /(^|\/)(utils?|helpers?|common|misc|base|index)\.ts$/;
  assert.deepEqual(
    files.map((file) => relative(SRC, file)).filter((file) => empty.test(file)),
    [],
  );
});

test('every top-level folder says what it is', () => {
  for (const entry of readdirSync(SRC, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const text = readFileSync(join(SRC, entry.name, 'README.md'), 'utf8');
    assert.ok(text.split('\n').length <= 41, `src/${entry.name}/README.md is longer than 40 lines`);
  }
});

test('nobody loads what Node’s HTTP module brings along', () => {
  const importing = files.filter((file) => /^import (?!type )[^;]*from 'node:(http|process)'/m.test(readFileSync(file, 'utf8')));
  assert.deepEqual(
    importing.map((file) => relative(SRC, file)).filter((file) => !/\.test\.ts$|-fixture\.ts$/.test(file)),
    [], // std/http.ts says why
  );
});
