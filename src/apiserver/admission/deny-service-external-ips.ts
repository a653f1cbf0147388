import type { V1Service } from '../../api/gen/types.ts';
import type { AdmissionPlugin } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';

/** Services get no external addresses but those that they have (plugin/pkg/admission/network/denyserviceexternalips). */
export const denyServiceExternalIps: AdmissionPlugin = {
  name: 'DenyServiceExternalIPs',
  handles: (attributes) =>
    (attributes.operation === 'CREATE' || attributes.operation === 'UPDATE') && isAbout(attributes, 'services'),
  async validate(attributes) {
    const before = new Set((attributes.oldObject as unknown as V1Service | undefined)?.spec?.externalIPs);
    const after = (attributes.object as unknown as V1Service).spec?.externalIPs ?? [];
    if (after.some((address) => !before.has(address)))
      throw refuse(attributes, 'Use of external IPs is denied by admission control.');
  },
};
