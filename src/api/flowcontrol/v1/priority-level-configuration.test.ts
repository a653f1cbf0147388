import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specimensOf } from '../../test-specimens.ts';
import { priorityLevelConfigurationKind } from './priority-level-configuration.ts';

await priorityLevelConfigurationKind.loadFirst?.();

const levels = specimensOf(priorityLevelConfigurationKind);
const limited = { nominalConcurrencyShares: 42, limitResponse: { type: 'Reject' } };

test('of the level that is exempt only the shares may be changed', () => {
  const complaints = (spec: object, name = 'exempt') =>
    levels.complaints({ spec }, { name }).map((text) => text.replace(/\{.*\}/, '…'));
  assert.deepEqual(complaints({ type: 'Exempt', exempt: { nominalConcurrencyShares: 10, lendablePercent: 10 } }), []);
  assert.deepEqual(complaints({ type: 'Limited', limited }), [
    `spec.type: Invalid value: "Limited": type must be 'Exempt' if and only if name is 'exempt'`,
    `spec: Invalid value: …: spec of 'exempt' except the 'spec.exempt' field must equal the fixed value`,
  ]);
  assert.deepEqual(complaints({ type: 'Limited', limited }, 'catch-all'), [
    `spec: Invalid value: …: spec of 'catch-all' must equal the fixed value`,
  ]);
});

test('the note that v1beta3 had for no shares is not taken', () => {
  const note = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares';
  assert.deepEqual(levels.complaints({ spec: { type: 'Limited', limited } }, { annotations: { [note]: '' } }), [
    `metadata.annotations: Forbidden: annotation '${note}' is forbidden`,
  ]);
});
