import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import { createAuthority } from '../../pki/authority.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import type { ObjectWriter } from '../contracts.ts';
import { keepAuthenticationConfigMap } from './authentication-config-map.ts';
import { mergeAuthenticationData } from './merge-authentication-data.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const authority = async (days: number) =>
  (await createAuthority({ commonName: 'a', notBeforeMs: NOW - 10 * DAY, notAfterMs: NOW + days * DAY })).certificatePem;

test('servers with different authorities end with both, whichever writes last, and then nobody writes any more', async () => {
  const [one, two] = [{ 'client-ca-file': await authority(10) }, { 'client-ca-file': await authority(20) }];
  const both = mergeAuthenticationData(mergeAuthenticationData({}, one, NOW), two, NOW);
  assert.equal(parseCertificates(both['client-ca-file']!).length, 2);
  assert.equal(mergeAuthenticationData(both, one, NOW), both);
  assert.equal(mergeAuthenticationData(both, two, NOW), both);
  const later = mergeAuthenticationData(both, two, NOW + 15 * DAY);
  assert.equal(parseCertificates(later['client-ca-file']!).length, 1, 'one that has expired goes');
  assert.equal(mergeAuthenticationData(later, two, NOW + 15 * DAY), later);
});

test('names are gathered, and no names at all stay no names', () => {
  const names = (...list: string[]) => ({ 'requestheader-allowed-names': JSON.stringify(list) });
  const headers = (...list: string[]) => ({ 'requestheader-group-headers': JSON.stringify(list) });
  assert.deepEqual(mergeAuthenticationData(names('a', 'b'), names('b', 'c'), NOW), names('a', 'b', 'c'));
  assert.deepEqual(mergeAuthenticationData(names('a'), names(), NOW), names());
  assert.deepEqual(mergeAuthenticationData(headers(), headers('x'), NOW), headers('x'));
  const both = { ...names('a', 'b'), other: 'is not touched' };
  assert.equal(mergeAuthenticationData(both, names('b'), NOW), both);
});

test('what is stored and makes no sense is replaced', async () => {
  const wanted = { 'client-ca-file': await authority(1), 'requestheader-uid-headers': '["X"]' };
  assert.deepEqual(
    mergeAuthenticationData({ 'client-ca-file': 'x', 'requestheader-uid-headers': '{"a":1}' }, wanted, NOW),
    wanted,
  );
  assert.deepEqual(
    mergeAuthenticationData(JSON.parse('{"__proto__":"x"}'), wanted, NOW)['client-ca-file'],
    wanted['client-ca-file'],
  );
});

test('what could not be written is written when the store is there again', async () => {
  const clock = new VirtualClock(0);
  const objects = new MemoryObjects();
  let away = true;
  let created = 0;
  const writer = {
    create: async (...[kind, object]: Parameters<ObjectWriter['create']>) => {
      if (away) throw new Error('the store is away');
      created++;
      return objects.put(kind, object);
    },
  } as unknown as ObjectWriter;
  const kept = keepAuthenticationConfigMap({ 'client-ca-file': 'x' }, { reader: objects, writer, clock, logger: silentLogger });
  await kept.written;
  away = false;
  await clock.advance(10_000);
  assert.equal(created, 1);
  kept.close();
  assert.equal(clock.pending, 0);
});
