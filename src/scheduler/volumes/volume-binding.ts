import type { Plugin, Refusal } from '../framework/plugin.ts';
import { AssumedVolumes, type ClaimChoice } from './assumed-volumes.ts';
import { chooseFor, type PodVolumes, reaches, readPodVolumes } from './pod-volumes.ts';
import type { VolumeBinder } from './volume-binder.ts';

const AFFINITY = "node(s) didn't match PersistentVolume's node affinity";
const NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind";
const NO_SPACE = 'node(s) did not have enough free storage';
const VOLUME_GONE = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)';

const refusal = (...reasons: string[]): Refusal => ({ reasons, unresolvable: true });

/** A pod's bound volumes must be reachable from its node; claims that wait for it get a volume there, or one is made. */
export function createVolumeBinding(binder: Pick<VolumeBinder, 'bind'>): Plugin {
  const assumed = new AssumedVolumes();
  return {
    name: 'VolumeBinding',
    planFilter({ pod, objects }) {
      if (pod.claims.length === 0) return undefined;
      const volumes = readPodVolumes(pod, objects, assumed);
      if ('problem' in volumes) return { refusesAll: refusal(volumes.problem) };
      const bound = volumes.bound.map(({ volumeName }) => objects.volume(volumeName));
      return {
        filter({ node }) {
          const reasons: string[] = [];
          // Of the bound ones the first that will not do says why.
          const unfit = bound.findIndex((volume) => !volume || !reaches(volume, node));
          if (unfit >= 0 && bound[unfit]) reasons.push(AFFINITY);
          const chosen = chooseFor(volumes.delayed, node, { objects, assumed });
          if (!('choices' in chosen)) reasons.push(chosen.lacks === 'volume' ? NOTHING_TO_BIND : NO_SPACE);
          if (unfit >= 0 && !bound[unfit]) reasons.push(VOLUME_GONE);
          return reasons.length ? refusal(...reasons) : undefined;
        },
      };
    },
    reserve({ pod, objects }, { node }) {
      const volumes = pod.claims.length ? readPodVolumes(pod, objects, assumed) : undefined;
      if (!volumes || 'problem' in volumes || volumesAreBound(volumes)) return undefined;
      const found = chooseFor(volumes.delayed, node, { objects, assumed });
      const chosen = 'choices' in found ? found.choices : new Map<string, ClaimChoice>();
      // A claim that is being bound for another pod is waited for as well.
      const awaited = volumes.bound
        .filter(({ claim }) => !claim.spec?.volumeName)
        .map(({ key, volumeName }) => [key, { volumeName }] as const);
      const choices = new Map([...chosen, ...awaited]);
      for (const [key, choice] of chosen) assumed.assume(key, choice);
      const release = () => {
        for (const key of chosen.keys()) assumed.release(key);
      };
      return {
        async commit(signal) {
          await binder.bind(choices, signal);
          // From here on the claims say it themselves.
          release();
        },
        release,
      };
    },
    mayHelp(event, { claims }) {
      switch (event.resource) {
        case 'PersistentVolumeClaim':
          return claims.includes(event.key);
        case 'PersistentVolume':
        case 'StorageClass':
        case 'CSINode':
        case 'CSIDriver':
        case 'Node':
          return true;
        case 'CSIStorageCapacity':
          return event.action !== 'delete';
        default:
          return false;
      }
    },
  };
}

const volumesAreBound = ({ bound, delayed }: PodVolumes) =>
  delayed.length === 0 && bound.every(({ claim }) => claim.spec?.volumeName);
