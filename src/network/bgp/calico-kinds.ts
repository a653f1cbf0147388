import type { V1ObjectMeta } from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import type { EncapsulationMode } from './settings.ts';

/* Calico's own kinds, of which those that are used here: names and fields are Calico's, so that its documentation holds. */

const GROUP = 'crd.projectcalico.org';
const VERSION = 'v1';

interface CalicoObject<Spec> {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: V1ObjectMeta;
  readonly spec?: Spec;
}

export type IpPool = CalicoObject<{
  readonly cidr?: string;
  readonly blockSize?: number;
  readonly ipipMode?: EncapsulationMode;
  readonly vxlanMode?: EncapsulationMode;
  readonly natOutgoing?: boolean;
  readonly nodeSelector?: string;
  readonly disabled?: boolean;
}>;

/** That a node has a block. Its name is the block's, so that the API server itself lets nobody else have it. */
export type BlockAffinity = CalicoObject<{
  readonly state?: string;
  readonly node?: string;
  readonly cidr?: string;
  readonly deleted?: string;
}>;

export type BgpConfiguration = CalicoObject<{ readonly nodeToNodeMeshEnabled?: boolean; readonly asNumber?: number }>;

export type BgpPeer = CalicoObject<{
  readonly node?: string;
  readonly nodeSelector?: string;
  readonly peerIP?: string;
  readonly peerSelector?: string;
  readonly asNumber?: number;
  readonly [unsupported: string]: unknown;
}>;

interface CalicoKind extends ResourceKind {
  readonly fields: Readonly<Record<string, object>>;
}

const kind = (name: string, resource: string, fields: CalicoKind['fields']): CalicoKind => ({
  ...{ group: GROUP, version: VERSION, kind: name, resource, namespaced: false },
  fields,
});

const TEXT = { type: 'string' };
const FLAG = { type: 'boolean' };
const NUMBER = { type: 'integer', format: 'int32' };
const AS_NUMBER = { type: 'integer', format: 'int64', minimum: 0, maximum: 4_294_967_295 };

export const ipPoolKind = kind('IPPool', 'ippools', {
  cidr: TEXT,
  blockSize: NUMBER,
  ipipMode: TEXT,
  vxlanMode: TEXT,
  natOutgoing: FLAG,
  nodeSelector: TEXT,
  disabled: FLAG,
});
export const blockAffinityKind = kind('BlockAffinity', 'blockaffinities', { state: TEXT, node: TEXT, cidr: TEXT, deleted: TEXT });
export const bgpConfigurationKind = kind('BGPConfiguration', 'bgpconfigurations', {
  nodeToNodeMeshEnabled: FLAG,
  asNumber: AS_NUMBER,
});
export const bgpPeerKind = kind('BGPPeer', 'bgppeers', {
  node: TEXT,
  nodeSelector: TEXT,
  peerIP: TEXT,
  peerSelector: TEXT,
  asNumber: AS_NUMBER,
});

export const CALICO_KINDS: readonly CalicoKind[] = [ipPoolKind, blockAffinityKind, bgpConfigurationKind, bgpPeerKind];

/** A definition that keeps fields it does not name, since Calico's has more of them. */
export function definitionOf({ group, version, kind, resource, fields }: CalicoKind): KubeObject & { readonly spec: object } {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${resource}.${group}` },
    spec: {
      group,
      scope: 'Cluster',
      names: { kind, listKind: `${kind}List`, plural: resource, singular: kind.toLowerCase() },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: { type: 'object', properties: fields, 'x-kubernetes-preserve-unknown-fields': true },
              },
            },
          },
        },
      ],
    },
  };
}
