import type { V1PersistentVolume } from '../../api/gen/types.ts';
import type { Plugin } from '../framework/plugin.ts';

const LABELS = [
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
];
/** The same under the names of today. */
const NEW_NAMES: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
};
const REFUSAL = { reasons: ['node(s) had no available volume zone'], unresolvable: true };

/** Volumes that bear the label of a zone are used there only; nodes that bear none are everywhere. */
export const volumeZone: Plugin = {
  name: 'VolumeZone',
  planFilter({ pod, objects }) {
    const places = pod.claims.flatMap((key) => {
      const name = objects.claim(key)?.spec?.volumeName;
      const volume = name && objects.volume(name);
      return volume ? placesOf(volume) : [];
    });
    if (places.length === 0) return undefined;
    return {
      filter({ labels }) {
        if (!LABELS.some((label) => labels[label] !== undefined)) return undefined;
        const isThere = ({ label, values }: Place) => values.has(labels[label] ?? labels[NEW_NAMES[label] ?? ''] ?? '');
        return places.every(isThere) ? undefined : REFUSAL;
      },
    };
  },
  mayHelp: ({ resource }) => resource === 'Node' || resource === 'PersistentVolume' || resource === 'PersistentVolumeClaim',
};

interface Place {
  readonly label: string;
  readonly values: ReadonlySet<string>;
}

/** Several zones are parted by two underscores. */
function placesOf({ metadata }: V1PersistentVolume): Place[] {
  const labels = metadata?.labels ?? {};
  return LABELS.filter((label) => Object.hasOwn(labels, label)).map((label) => ({
    label,
    values: new Set(labels[label]!.split('__')),
  }));
}
