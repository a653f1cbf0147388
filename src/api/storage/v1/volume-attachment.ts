import type { V1VolumeAttachment } from '../../gen/types.ts';
import { ageColumn, booleanColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { mergeStatusAlone, statusPart } from '../../machinery/status-part.ts';
import {
  validateVolumeAttachment,
  validateVolumeAttachmentStatus,
  validateVolumeAttachmentUpdate,
} from './volume-attachment-validation.ts';

export const volumeAttachmentKind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  resource: 'volumeattachments',
  namespaced: false,
  parts: [statusPart({ merge: mergeStatusAlone, validate: validateVolumeAttachmentStatus })],
  columns: [
    nameColumn,
    { ...textColumn<V1VolumeAttachment>('Attacher', 'Who attaches it.', ({ spec }) => spec.attacher), format: 'name' },
    textColumn<V1VolumeAttachment>('PV', 'The volume.', ({ spec }) => spec.source.persistentVolumeName ?? ''),
    textColumn<V1VolumeAttachment>('Node', 'The node.', ({ spec }) => spec.nodeName),
    booleanColumn<V1VolumeAttachment>('Attached', 'Whether it is attached.', ({ status }) => status?.attached ?? false),
    ageColumn,
  ],
  prepareForCreate: resetStatus('V1VolumeAttachment'),
  validate: validateVolumeAttachment,
  validateUpdate: validateVolumeAttachmentUpdate,
});
