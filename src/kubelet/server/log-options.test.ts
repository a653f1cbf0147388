import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseLogQuery } from './log-options.ts';

const NOW = Date.parse('2026-01-01T00:00:10Z');
const parse = (query: string) => parseLogQuery(new URLSearchParams(query), NOW);
const ALL = { follow: false, previous: false, timestamps: false, stream: 'All' };

for (const [query, options] of [
  ['', ALL],
  ['tail=10', { ...ALL, tailLines: 10 }],
  ['tail=all&tailLines=3', ALL],
  ['tailLines=0', { ...ALL, tailLines: 0 }],
  ['follow=true&previous=1&timestamps', { ...ALL, follow: true, previous: true, timestamps: true }],
  ['follow=false&previous=0', ALL],
  ['sinceSeconds=5', { ...ALL, sinceMs: NOW - 5000 }],
  ['sinceTime=2026-01-01T00:00:00Z', { ...ALL, sinceMs: NOW - 10_000 }],
  ['sinceTime=2026-01-01T01:00:00.5%2B01:00', { ...ALL, sinceMs: NOW - 9500 }],
  ['limitBytes=1', { ...ALL, limitBytes: 1 }],
  ['stream=Stderr', { ...ALL, stream: 'Stderr' }],
  ['container=x&pretty=true', ALL],
] as const)
  test(`the query ${query || '(none)'} is understood`, () => assert.deepEqual(parse(query), { options }));

for (const [query, status] of [
  ['tailLines=-1', 422],
  ['limitBytes=0', 422],
  ['sinceSeconds=0', 422],
  ['sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z', 422],
  ['stream=both', 422],
  ['stream=Stdout&tailLines=1', 422],
  ['tailLines=ten', 400],
  ['tail=ten', 400],
  ['sinceTime=yesterday', 400],
  ['sinceTime=2026-13-01T00:00:00Z', 400],
  ['limitBytes=99999999999999999999', 400],
] as const)
  test(`the query ${query} is refused with ${status}`, () => {
    const answer = parse(query);
    assert.equal('status' in answer && answer.status, status);
  });

test('no query fails otherwise than by being refused', () => {
  fc.assert(
    fc.property(
      fc.webQueryParameters(),
      fc.constantFrom('tail', 'tailLines', 'sinceTime', 'limitBytes', 'stream', 'follow'),
      (text, name) => {
        const answer = parse(`${name}=${text}`);
        if ('status' in answer) assert.ok(answer.status === 400 || answer.status === 422);
        else assert.ok((answer.options.tailLines ?? 0) >= 0);
      },
    ),
  );
});
