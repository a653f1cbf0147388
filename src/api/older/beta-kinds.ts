/** Beta and alpha versions of the release itself, off by default since 1.24: the objects of a stable version under another name. */
import type { KindDefinition } from '../machinery/kind.ts';
import { ipAddressKind } from '../networking/v1/ip-address.ts';
import { serviceCidrKind } from '../networking/v1/service-cidr.ts';
import { deviceClassKind } from '../resource/v1/device-class.ts';
import { resourceClaimKind } from '../resource/v1/resource-claim.ts';
import { resourceClaimTemplateKind } from '../resource/v1/resource-claim-template.ts';
import { resourceSliceKind } from '../resource/v1/resource-slice.ts';
import { volumeAttributesClassKind } from '../storage/v1/volume-attributes-class.ts';
import { deprecationWarning } from './deprecation.ts';
import { servedAs } from './served-as.ts';

const beta = (today: KindDefinition, version: string, deprecated: number, removed: number): KindDefinition =>
  servedAs(today, {
    group: today.group,
    version,
    schema: `V${version.slice(1)}${today.kind}`,
    deprecation: deprecationWarning(`${today.group}/${version}`, today.kind, {
      deprecated,
      removed,
      replacement: `${today.group}/v1`,
    }),
  });

export const betaKinds: readonly KindDefinition[] = [
  beta(ipAddressKind, 'v1beta1', 34, 37),
  beta(serviceCidrKind, 'v1beta1', 34, 37),
  beta(volumeAttributesClassKind, 'v1beta1', 34, 37),
  ...[deviceClassKind, resourceClaimKind, resourceClaimTemplateKind, resourceSliceKind].map((kind) =>
    beta(kind, 'v1beta2', 36, 39),
  ),
];
