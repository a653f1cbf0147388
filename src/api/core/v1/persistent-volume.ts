import type { V1PersistentVolume } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { type DynamicObject, formatTime } from '../../machinery/object.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { validatePersistentVolume, validatePersistentVolumeUpdate } from './persistent-volume-validation.ts';
import { persistentVolumeColumns } from './storage-columns.ts';
import { setPersistentVolumeDefaults } from './storage-defaults.ts';
import { persistentVolumeWarnings } from './storage-warnings.ts';

const wholeStatus = statusPart();
const statusOf = (object: DynamicObject) => (object as unknown as V1PersistentVolume).status ?? {};

/** Notes when the phase changes, unless the writer says when that was (registry/core/persistentvolume/strategy.go). */
function mergeVolumeStatus(existing: DynamicObject, requested: DynamicObject, context: WriteContext): DynamicObject {
  const merged = wholeStatus.merge(existing, requested, context);
  const [before, after] = [statusOf(existing), statusOf(merged)];
  const said = after.lastPhaseTransitionTime;
  const known = before.lastPhaseTransitionTime;
  const changed = before.phase !== after.phase;
  if (said !== undefined && !(changed && said === known)) return merged;
  const time = changed ? formatTime(context.nowMs) : known;
  return time === undefined ? merged : { ...merged, status: { ...after, lastPhaseTransitionTime: time } };
}

export const persistentVolumeKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  resource: 'persistentvolumes',
  namespaced: false,
  shortNames: ['pv'],
  parts: [statusPart({ merge: mergeVolumeStatus })],
  columns: persistentVolumeColumns,
  prepareForCreate: (object, { nowMs }) => {
    object['status'] = { phase: 'Pending', lastPhaseTransitionTime: formatTime(nowMs) };
  },
  setDefaults: setPersistentVolumeDefaults,
  warnings: persistentVolumeWarnings,
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
});
