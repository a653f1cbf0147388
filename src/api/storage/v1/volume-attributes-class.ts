import type { V1VolumeAttributesClass } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { refuseUpdates, validateDriver, validateParameters } from './parameters.ts';

const DEFAULT_CLASS = 'volumeattributesclass.alpha.kubernetes.io/is-default-class';

const classOf = (object: DynamicObject) => object as unknown as V1VolumeAttributesClass;

export const volumeAttributesClassKind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  resource: 'volumeattributesclasses',
  namespaced: false,
  shortNames: ['vac'],
  columns: [
    {
      ...nameColumn,
      cell: ({ metadata: { name = '', annotations } }) => (annotations?.[DEFAULT_CLASS] === 'true' ? `${name} (default)` : name),
    },
    textColumn<V1VolumeAttributesClass>('DriverName', 'Who changes the volumes.', ({ driverName }) => driverName),
    ageColumn,
  ],
  validate: (object, _context, existing) => {
    const { driverName, parameters } = classOf(object);
    return [
      ...(existing ? refuseUpdates(classOf(object), classOf(existing), ['driverName', 'parameters']) : []),
      ...validateDriver('driverName', driverName),
      ...validateParameters(parameters, { needed: true }),
    ];
  },
});
