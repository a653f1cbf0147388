import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '../..');

/** Codes that the sources of a folder print, tests left out. */
function codesIn(folder: string, pattern: RegExp): string[] {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  const sources = files.filter((file) => file.endsWith('.ts') && !/\.test(-support)?\.ts$|\.test-support\.ts$/.test(file));
  return [...new Set(sources.flatMap((file) => readFileSync(join(ROOT, folder, file), 'utf8').match(pattern) ?? []))].sort();
}

test('every code of the doctor has a fault that is seeded in a test, and every code of the approver a case', () => {
  const texts = (folder: string) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts'))
      .map((file) => readFileSync(join(ROOT, folder, file), 'utf8'))
      .join('\n');
  for (const [folder, pattern] of [
    ['src/approver', /APV-\d{3}/g],
    ['src/doctor', /DOC-\d{3}/g],
  ] as const) {
    const tests = texts(folder);
    assert.deepEqual(
      codesIn(folder, pattern).filter((code) => !tests.includes(code)),
      [],
    );
  }
});

for (const [folder, page, pattern] of [
  ['src/approver', 'docs/approver.md', /APV-\d{3}/g],
  ['src/doctor', 'docs/doctor.md', /DOC-\d{3}/g],
] as const)
  test(`every code of ${folder} has its section in ${page}, and every section its code`, () => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    const sections = [...text.matchAll(/^### ([A-Z]{3}-\d{3})$/gm)].map(([, code]) => code!);
    assert.deepEqual([...sections].sort(), codesIn(folder, pattern));
    assert.equal(new Set(sections).size, sections.length, 'an anchor leads to one section');
    for (const [, code, body] of text.matchAll(/^### ([A-Z]{3}-\d{3})\n+([\s\S]*?)(?=\n#|$(?![\s\S]))/gm))
      assert.match(body!, /Mend:\s/, `${code} says what to do`);
  });
