import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import type { ObjectMeta } from '../../api/machinery/object.ts';
import { validateMetadataUpdate } from '../../api/machinery/validate-metadata.ts';
import { prepareUpdate } from './prepare-update.ts';

const context = { nowMs: Date.UTC(2026, 0, 1), user: { name: 'u', groups: [] } };
const mapOf = (metadata: ObjectMeta) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
const OLD = '2020-01-01T00:00:00Z';
const KNOWN = '2025-01-01T00:00:00Z';

/** What an update with that metadata makes of a stored object's, and the fields that it is refused for. */
function update(sent: Partial<ObjectMeta>, stored: Partial<ObjectMeta>) {
  const existing = mapOf({ name: 'a', namespace: 'b', uid: '1', resourceVersion: '7', ...stored });
  const requested = mapOf({ name: 'a', namespace: 'b', resourceVersion: '7', ...sent });
  const { metadata } = prepareUpdate(configMapKind, undefined, requested, existing, context);
  return { metadata, refused: validateMetadataUpdate(metadata, existing.metadata).map(({ field }) => field) };
}

test('who replaces an object by what an older one of that name was is not refused for its time of birth', () => {
  const { metadata, refused } = update({ creationTimestamp: OLD }, { creationTimestamp: KNOWN });
  assert.deepEqual([metadata.creationTimestamp, refused], [KNOWN, []]);
});

test('when an object goes is not for an update to say: neither sooner, nor not at all, nor at all', () => {
  const going = { creationTimestamp: KNOWN, deletionTimestamp: KNOWN, deletionGracePeriodSeconds: 30 };
  for (const deletionTimestamp of [OLD, undefined]) {
    const { metadata, refused } = update(deletionTimestamp ? { deletionTimestamp } : {}, going);
    assert.deepEqual([metadata.deletionTimestamp, metadata.deletionGracePeriodSeconds, refused], [KNOWN, 30, []]);
  }
  assert.deepEqual(update({ deletionGracePeriodSeconds: 7 }, going).refused, ['metadata.deletionGracePeriodSeconds']);
  assert.deepEqual(update({ deletionTimestamp: OLD }, { creationTimestamp: KNOWN }).refused, ['metadata.deletionTimestamp']);
});
