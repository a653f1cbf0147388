/** Values that Kubernetes' own API server wrote. Heavy to load: it brings the protobuf tables and every older version of every kind. */
import { allKinds } from '../../api/all-kinds.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import type { V1Service } from '../../api/gen/types.ts';
import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { olderKinds } from '../../api/older/older-kinds.ts';
import { decodeProtobuf } from '../../api/protobuf/decode.ts';
import { readEnvelope } from '../../api/protobuf/envelope.ts';
import { ProtobufError } from '../../std/protobuf/protobuf-error.ts';
import { StoreError } from '../../store/store.ts';
import { completeStored, dropIdlePolicy } from '../services/kept-values.ts';
import { encodeStored, parseObject, storedForm } from './encoding.ts';
import type { Keyspace } from './keyspace.ts';
import { isProtobuf } from './upstream-values.ts';

/** Versions that are served no more, whose objects are read like today's: fields have kept their names, messages their numbers. */
const SAME_AS_TODAY: ReadonlySet<string> = new Set([
  'apiregistration.k8s.io/v1beta1',
  ...['v1beta1', 'v1beta2', 'v1beta3'].map((version) => `flowcontrol.apiserver.k8s.io/${version}`),
]);

const typeOf = (apiVersion: string, kind: string) => `${apiVersion} ${kind}`;

/** Services from before dual stack say their one address, and no family (registry/core/service/storage, defaultOnRead). */
function completeService(service: V1Service): void {
  if (!service.spec) return;
  dropIdlePolicy(service.spec);
  if (service.spec.type === 'ExternalName') return;
  const spec = completeStored(service.spec);
  // What is headless has the family of the cluster, which nobody knows here.
  if (spec.ipFamilies?.length) service.spec = { ...spec, ipFamilyPolicy: spec.ipFamilyPolicy ?? 'SingleStack' };
  else if (spec.clusterIPs?.length) service.spec.clusterIPs = spec.clusterIPs;
}

/**
 * Makes the function that turns a value as upstream stores it (`k8s\0` and protobuf, or JSON, in the storage version of its release)
 * into one as it is stored here: defaulted, in today's version. Values of no built-in kind it leaves alone.
 *
 * @throws StoreError `corrupt`, naming the key, for what cannot be read
 */
export function createUpstreamReader(keyspace: Keyspace): (key: string, value: Uint8Array) => Uint8Array {
  const byPath = new Map<string, KindDefinition>();
  const byType = new Map<string, KindDefinition>();
  for (const kind of [...allKinds, ...olderKinds]) {
    if (kind.storage !== 'stored') continue;
    byType.set(typeOf(apiVersionOf(kind), kind.kind), kind);
    if (!kind.storedAs) byPath.set(kind.storagePath, kind);
  }

  function kindOf(
    key: string,
    today: KindDefinition,
    { apiVersion, kind }: { apiVersion: string; kind: string },
  ): KindDefinition {
    const found = byType.get(typeOf(apiVersion, kind));
    if (found?.storagePath === today.storagePath) return found;
    if (SAME_AS_TODAY.has(apiVersion) && kind === today.kind) return today;
    throw new StoreError('corrupt', `${key} holds a ${kind} of ${apiVersion}, a version that cannot be read`);
  }

  return (key, value) => {
    const place = keyspace.parse(key);
    const today = place && byPath.get(place.storagePath);
    if (!today) return value;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    try {
      const binary = isProtobuf(bytes);
      const type = binary ? readEnvelope(bytes) : parseObject(bytes);
      const kind = kindOf(key, today, type);
      if (type.apiVersion === apiVersionOf(today) && !binary) return value;
      const object = (binary ? decodeProtobuf(bytes, kind.schema) : type) as DynamicObject;
      kind.setDefaults?.(object);
      const stored = kind.storedAs ? kind.storedAs.toStored(object) : object;
      if (today === serviceKind) completeService(stored as V1Service);
      return encodeStored(storedForm(apiVersionOf(today), today.kind), stored);
    } catch (error) {
      if (error instanceof ProtobufError || error instanceof SyntaxError)
        throw new StoreError('corrupt', `${key} cannot be read: ${error.message}`, { cause: error });
      throw error;
    }
  };
}
