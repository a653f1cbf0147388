import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { CONDUCTORS, MAY_IMPORT } from './import-table.ts';

const ROOT = resolve(import.meta.dirname, '../..');

test('the import table of ARCHITECTURE.md is the one that is enforced', () => {
  const text = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)].map((match): [string, string] => [match[1]!, match[2]!]);
  const enforced = [
    ...Object.entries(MAY_IMPORT).map(([folder, allowed]): [string, string] => [folder, allowed.join(' ') || '–']),
    ...[...CONDUCTORS].map((folder): [string, string] => [folder, 'everything']),
  ];
  assert.deepEqual(new Map(rows), new Map(enforced));
});

test('links between the documents lead somewhere', () => {
  const documents = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
  const broken: string[] = [];
  for (const document of [...documents, ...readdirSync(join(ROOT, 'docs')).map((name) => join('docs', name))]) {
    if (!document.endsWith('.md')) continue;
    for (const [, target] of readFileSync(join(ROOT, document), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      if (!existsSync(resolve(ROOT, document, '..', target!))) broken.push(`${document}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});
