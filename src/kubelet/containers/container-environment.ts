import type { V1ConfigMap, V1Container, V1EnvFromSource, V1EnvVarSource, V1Pod, V1Secret } from '../../api/gen/types.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { ObjectReader } from '../pods/object-reader.ts';
import { downwardField, type PodAddresses } from './downward-fields.ts';
import { resourceField } from './resource-fields.ts';
import type { Variable } from './service-variables.ts';
import { expandVariables, TextTotal } from './variable-expansion.ts';

export interface EnvironmentSources {
  readonly objects: ObjectReader;
  readonly addresses: PodAddresses;
  /** What the node can give: the limit of a container that has none. */
  readonly allocatable: Readonly<Record<string, string>>;
  readonly services: readonly Variable[];
  /** The value of a key in a file of one of the pod's volumes. */
  readonly fileValue: (source: NonNullable<V1EnvVarSource['fileKeyRef']>) => Promise<string | undefined>;
}

/**
 * A container's variables (pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables): `envFrom`, over that `env` in its own order, below
 * both the services. Values may name what stands before them, and services, by `$(VAR)`.
 *
 * @throws Error in upstream's words for what is missing and not optional
 */
export async function containerEnvironment(pod: V1Pod, container: V1Container, sources: EnvironmentSources): Promise<Variable[]> {
  const namespace = pod.metadata?.namespace ?? '';
  const read = rememberReads(sources.objects, namespace);
  const variables = new Map<string, string>();
  const total = new TextTotal('the environment');
  const set = (name: string, value: string) => void variables.set(total.add(name), total.add(value));
  for (const from of container.envFrom ?? []) {
    for (const [key, value] of await allOf(from, read)) set(`${from.prefix ?? ''}${key}`, value);
  }
  const services = new Map(sources.services.map(({ name, value }) => [name, value]));
  const lookUp = (name: string) => variables.get(name) ?? services.get(name);
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (value) set(name, expandVariables(value, lookUp));
    else if (!valueFrom) set(name, '');
    else {
      const found = await sourceValue(valueFrom, pod, container, sources, read);
      if (found !== undefined) set(name, found);
    }
  }
  const merged = new Map([...variables, ...[...services].filter(([name]) => !variables.has(name))]);
  return [...merged].map(([name, value]) => ({ name, value }));
}

/** Undefined when the object is missing and may be. */
interface Reads {
  configMap(name: string, optional: boolean | undefined): Promise<V1ConfigMap | undefined>;
  secret(name: string, optional: boolean | undefined): Promise<V1Secret | undefined>;
  readonly namespace: string;
}

/** One container sees one state of an object, however often it refers to it. */
function rememberReads(objects: ObjectReader, namespace: string): Reads {
  const remember = <T>(get: (namespace: string, name: string) => Promise<T>) => {
    const known = new Map<string, T>();
    return async (name: string, optional: boolean | undefined): Promise<T | undefined> => {
      const before = known.get(name);
      if (before) return before;
      try {
        const object = await get(namespace, name);
        known.set(name, object);
        return object;
      } catch (error) {
        if (optional && isStatus(error, 'NotFound')) return undefined;
        throw error;
      }
    };
  };
  return {
    configMap: remember((...at) => objects.configMap(...at)),
    secret: remember((...at) => objects.secret(...at)),
    namespace,
  };
}

async function allOf({ configMapRef, secretRef }: V1EnvFromSource, read: Reads): Promise<(readonly [string, string])[]> {
  if (configMapRef) {
    const configMap = await read.configMap(configMapRef.name ?? '', configMapRef.optional);
    return Object.entries(configMap?.data ?? {});
  }
  if (!secretRef) return [];
  const secret = await read.secret(secretRef.name ?? '', secretRef.optional);
  return Object.entries(secret?.data ?? {}).map(([key, value]) => [key, decode(value)]);
}

/** Undefined: optional and not there, so that there is no such variable. */
async function sourceValue(
  from: V1EnvVarSource,
  pod: V1Pod,
  container: V1Container,
  sources: EnvironmentSources,
  read: Reads,
): Promise<string | undefined> {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = from;
  if (fieldRef) return downwardField(fieldRef, pod, sources.addresses);
  if (resourceFieldRef) return resourceField(resourceFieldRef, pod, container, sources.allocatable);
  if (configMapKeyRef) {
    const { name = '', key, optional } = configMapKeyRef;
    const value = ownValue((await read.configMap(name, optional))?.data, key);
    if (value === undefined && !optional) throw new Error(`couldn't find key ${key} in ConfigMap ${read.namespace}/${name}`);
    return value;
  }
  if (secretKeyRef) {
    const { name = '', key, optional } = secretKeyRef;
    const value = ownValue((await read.secret(name, optional))?.data, key);
    if (value === undefined && !optional) throw new Error(`couldn't find key ${key} in Secret ${read.namespace}/${name}`);
    return value === undefined ? undefined : decode(value);
  }
  if (fileKeyRef) {
    const value = await sources.fileValue(fileKeyRef);
    if (value === undefined && !fileKeyRef.optional)
      throw new Error(`environment variable key "${fileKeyRef.key}" not found in file "${fileKeyRef.path}"`);
    return value;
  }
  return '';
}

const ownValue = (data: Readonly<Record<string, string>> | undefined, key: string) =>
  data && Object.hasOwn(data, key) ? data[key] : undefined;

const decode = (base64: string) => Buffer.from(base64, 'base64').toString('utf8');
