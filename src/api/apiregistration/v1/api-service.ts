import type { V1APIService } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { type DynamicObject, formatTime } from '../../machinery/object.ts';
import { mergeStatusAlone, statusPart } from '../../machinery/status-part.ts';
import { validateApiService } from './api-service-validation.ts';

export type ApiServiceCondition = NonNullable<NonNullable<V1APIService['status']>['conditions']>[number];

export const AVAILABLE = 'Available';

/** What is said of a group version that this server serves itself. */
export function localCondition(nowMs: number): ApiServiceCondition {
  return {
    type: AVAILABLE,
    status: 'True',
    lastTransitionTime: formatTime(nowMs),
    reason: 'Local',
    message: 'Local APIServices are always available',
  };
}

/** Where a group version of the API is served: here, or by an extension server behind a Service. */
export const apiServiceKind = defineKind({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  resource: 'apiservices',
  namespaced: false,
  anyFinalizers: true,
  categories: ['api-extensions'],
  nameRule: 'path-segment',
  storagePath: 'apiregistration.k8s.io/apiservices',
  parts: [statusPart({ merge: mergeStatusAlone })],
  columns: [
    nameColumn,
    textColumn<V1APIService>('Service', 'The reference to the service that hosts this API endpoint.', ({ spec }) =>
      spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local',
    ),
    textColumn<V1APIService>('Available', 'Whether this service is available.', ({ status }) => {
      const available = status?.conditions?.find(({ type }) => type === AVAILABLE);
      if (!available) return 'Unknown';
      return available.status === 'True' ? 'True' : `${available.status} (${available.reason ?? ''})`;
    }),
    ageColumn,
  ],
  setDefaults: (object) => {
    const { spec } = object as V1APIService;
    if (spec?.service) spec.service.port ??= 443;
  },
  prepareForCreate: (object: DynamicObject, { nowMs }) => {
    const service = object as V1APIService;
    service.status = service.spec?.service ? {} : { conditions: [localCondition(nowMs)] };
  },
  validate: validateApiService,
});
