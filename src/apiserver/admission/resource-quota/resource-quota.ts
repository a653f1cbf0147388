import { podKind } from '../../../api/core/v1/pod.ts';
import { resourceQuotaKind } from '../../../api/core/v1/resource-quota.ts';
import type { ResourceV1ResourceClaim, V1DeviceClass, V1Pod } from '../../../api/gen/types.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { QuotaEvaluator } from '../../../api/quota/evaluator.ts';
import { evaluatorFor, isQuotable } from '../../../api/quota/evaluators.ts';
import type { DeviceObjects } from '../../../api/quota/resource-claim-evaluator.ts';
import { deviceClassKind } from '../../../api/resource/v1/device-class.ts';
import { resourceClaimKind } from '../../../api/resource/v1/resource-claim.ts';
import type { AdmissionPlugin } from '../../contracts.ts';
import { QuotaCharges, type QuotaChargesDeps } from './quota-charges.ts';

/** Lets nothing be made that a namespace's quotas have no room for (apiserver/pkg/admission/plugin/resourcequota). */
export function createResourceQuota(deps: QuotaChargesDeps): AdmissionPlugin {
  const { reader, limited } = deps;
  const charges = new QuotaCharges(deps);
  const devices: DeviceObjects = {
    deviceClasses: () => reader.list(deviceClassKind) as unknown as V1DeviceClass[],
    pod: (namespace, name) => reader.get(podKind, namespace, name) as unknown as V1Pod | undefined,
    claims: (namespace) => reader.list(resourceClaimKind, namespace) as unknown as ResourceV1ResourceClaim[],
  };
  const evaluators = new WeakMap<KindDefinition, QuotaEvaluator>();
  const evaluatorOf = (kind: KindDefinition) => {
    let evaluator = evaluators.get(kind);
    if (!evaluator) {
      evaluator = evaluatorFor(kind, devices);
      evaluators.set(kind, evaluator);
    }
    return evaluator;
  };
  return {
    name: 'ResourceQuota',
    handles: ({ operation, namespace, kind }) =>
      (operation === 'CREATE' || operation === 'UPDATE') &&
      namespace !== '' &&
      kind.namespaced &&
      kind.storage === 'stored' &&
      // Nearly all namespaces: they pay for nothing more than this question.
      (limited.length > 0 || reader.list(resourceQuotaKind, namespace).length > 0),
    async validate(attributes) {
      const { kind, operation, subresource, namespace, name, object, oldObject } = attributes;
      if (!object || !isQuotable(kind)) return;
      // It will be told that its name is taken, and is not charged for that. Who tries again and again would use up the quota.
      if (operation === 'CREATE' && subresource === '' && reader.get(kind, namespace, name)) return;
      const evaluator = evaluatorOf(kind);
      if (evaluator.handles({ operation, subresource, object, oldObject })) await charges.charge({ attributes, evaluator });
    },
  };
}
