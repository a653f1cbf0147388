import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';

export const alwaysAdmit: AdmissionPlugin = { name: 'AlwaysAdmit', handles: () => false };

const deny = async (attributes: AdmissionAttributes) => {
  throw refuse(attributes, 'admission control is denying all modifications');
};

/** Refuses before anybody looks at whether the object is a valid one. */
export const alwaysDeny: AdmissionPlugin = { name: 'AlwaysDeny', handles: () => true, admit: deny, validate: deny };

/** No image is used that the pod's own credentials could not pull (plugin/pkg/admission/alwayspullimages). */
export const alwaysPullImages: AdmissionPlugin = {
  name: 'AlwaysPullImages',
  handles: (attributes) =>
    (attributes.operation === 'CREATE' || attributes.operation === 'UPDATE') &&
    (isAbout(attributes, 'pods') || isAbout(attributes, 'pods', 'ephemeralcontainers')),
  async admit({ object, oldObject }) {
    const known = new Set(imageUsers(oldObject).map(([image]) => image));
    // Pods that were there before keep their policies as long as they get no new image.
    if (oldObject && imageUsers(object).every(([image]) => known.has(image))) return;
    for (const [, setAlways] of imageUsers(object)) setAlways();
  },
};

type ImageUser = readonly [image: string | undefined, setAlways: () => void];

/** What in a pod names an image, and how it is made to be pulled always. */
function imageUsers(object: DynamicObject | undefined): ImageUser[] {
  const { spec } = (object ?? {}) as unknown as V1Pod;
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
  const volumes = (spec?.volumes ?? []).flatMap(({ image }) => image ?? []);
  return [
    ...(containers as V1Container[]).map(
      (container): ImageUser => [
        container.image,
        () => {
          container.imagePullPolicy = 'Always';
        },
      ],
    ),
    ...volumes.map(
      (volume): ImageUser => [
        volume.reference,
        () => {
          volume.pullPolicy = 'Always';
        },
      ],
    ),
  ];
}
