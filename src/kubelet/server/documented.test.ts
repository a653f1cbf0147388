import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemClock } from '../../std/clock.ts';
import { attributesOf } from './request-attributes.ts';
import { debuggingRoutes, readingRoutes } from './routes.ts';
import { viewOf } from './server-fixture.ts';

const page = readFileSync(new URL('../../../docs/kubelet-api.md', import.meta.url), 'utf8');

test('the page about this API names for each path the rights that are asked for', () => {
  const rows = [...page.matchAll(/^\| (`\/.*?) \| (`nodes\/.*?) \|$/gm)];
  assert.ok(rows.length > 8);
  for (const [, paths = '', rights = ''] of rows) {
    const wanted = [...rights.matchAll(/nodes\/(\w+)/g)].map((match) => match[1]);
    for (const [, path = ''] of paths.matchAll(/`(\/[^`]*)`/g))
      assert.deepEqual(attributesOf('GET', path.replaceAll('…', 'x')).subresources, wanted, path);
  }
});

test('no path is served that the page does not name', () => {
  const view = viewOf({}, { flags: new Map() });
  for (const { path } of [...readingRoutes(view, systemClock), ...debuggingRoutes(view, systemClock)]) {
    const fixed = path.replace(/\/[:*].*$/, '');
    assert.ok(page.includes(fixed), fixed);
  }
});
