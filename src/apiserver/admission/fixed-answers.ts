import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import type { AdmissionPlugin } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';

export const alwaysAdmit: AdmissionPlugin = { name: 'AlwaysAdmit', handles: () => false };

export const alwaysDeny: AdmissionPlugin = {
  name: 'AlwaysDeny',
  handles: () => true,
  async validate(attributes) {
    throw refuse(attributes, 'admission control is denying all modifications');
  },
};

/** No image is used that the pod's own credentials could not pull (plugin/pkg/admission/alwayspullimages). */
export const alwaysPullImages: AdmissionPlugin = {
  name: 'AlwaysPullImages',
  handles: (attributes) => attributes.operation === 'CREATE' && isAbout(attributes, 'pods'),
  async admit({ object }) {
    const { spec } = object as unknown as V1Pod;
    for (const container of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])] as V1Container[]) {
      container.imagePullPolicy = 'Always';
    }
  },
};
