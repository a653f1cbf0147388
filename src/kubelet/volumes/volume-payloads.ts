/** What the files of a configMap, secret, downwardAPI or projected volume are (upstream's pkg/volume/projected and its neighbours). */
import type {
  V1ConfigMap,
  V1DownwardAPIVolumeFile,
  V1KeyToPath,
  V1Pod,
  V1Secret,
  V1Volume,
  V1VolumeProjection,
} from '../../api/gen/types.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import { downwardField } from '../containers/downward-fields.ts';
import { resourceField } from '../containers/resource-fields.ts';
import type { ObjectReader } from '../pods/object-reader.ts';
import type { Payload, PayloadFile } from './payload.ts';
import { commonUser } from './pod-groups.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';

export interface PayloadSources {
  readonly objects: ObjectReader;
  readonly tokens: ServiceAccountTokens;
  /** What the node can give: a container's limit where it has none of its own. */
  readonly allocatable: () => Readonly<Record<string, string>>;
}

const DEFAULT_MODE = 0o644;
const TOKEN_MODE = 0o600;

type Files = [path: string, file: PayloadFile][];

/** Reads what the volume shows now. Rejects in upstream's words; a projected volume names everything that is wrong at once. */
export async function volumePayload(pod: V1Pod, volume: V1Volume, sources: PayloadSources): Promise<Payload> {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) return new Map(await configMapFiles(pod, configMap, configMap.defaultMode, sources));
  if (secret) return new Map(await secretFiles(pod, { ...secret, name: secret.secretName }, secret.defaultMode, sources));
  if (downwardAPI) return new Map(downwardFiles(pod, downwardAPI.items ?? [], downwardAPI.defaultMode, sources));
  const files: Files = [];
  const failures: Error[] = [];
  for (const source of projected?.sources ?? []) {
    try {
      files.push(...(await projectedFiles(pod, source, projected?.defaultMode, sources)));
    } catch (error) {
      failures.push(error as Error);
    }
  }
  if (failures.length === 1) throw failures[0]!;
  if (failures.length > 1) throw new AggregateError(failures, `[${failures.map(({ message }) => message).join(', ')}]`);
  return new Map(files);
}

function projectedFiles(
  pod: V1Pod,
  source: V1VolumeProjection,
  defaultMode: number | undefined,
  sources: PayloadSources,
): Files | Promise<Files> {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap) return configMapFiles(pod, configMap, defaultMode, sources);
  if (secret) return secretFiles(pod, secret, defaultMode, sources);
  if (downwardAPI) return downwardFiles(pod, downwardAPI.items ?? [], defaultMode, sources);
  if (serviceAccountToken) return tokenFiles(pod, serviceAccountToken, defaultMode, sources);
  throw new Error(`projected volume source ${Object.keys(source)[0] ?? '(none)'} is not supported by this kubelet`);
}

interface KeyedSource {
  readonly name?: string;
  readonly items?: readonly V1KeyToPath[];
  readonly optional?: boolean;
}

async function configMapFiles(pod: V1Pod, source: KeyedSource, mode = DEFAULT_MODE, { objects }: PayloadSources): Promise<Files> {
  const object = await found(source, () => objects.configMap(pod.metadata?.namespace ?? '', source.name ?? ''));
  const { data = {}, binaryData = {} } = (object ?? {}) as V1ConfigMap;
  const values = new Map<string, Buffer>([
    ...Object.entries(data).map(([key, text]) => [key, Buffer.from(text)] as const),
    ...Object.entries(binaryData).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const),
  ]);
  return keyedFiles(values, source, mode, 'configmap references non-existent config key');
}

async function secretFiles(pod: V1Pod, source: KeyedSource, mode = DEFAULT_MODE, { objects }: PayloadSources): Promise<Files> {
  const object = await found(source, () => objects.secret(pod.metadata?.namespace ?? '', source.name ?? ''));
  const { data = {} } = (object ?? {}) as V1Secret;
  const values = new Map(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const));
  return keyedFiles(values, source, mode, 'references non-existent secret key');
}

/** Undefined for what is missing and may be. */
async function found<T>({ optional }: KeyedSource, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (optional && isStatus(error, 'NotFound')) return undefined;
    throw error;
  }
}

function keyedFiles(
  values: ReadonlyMap<string, Buffer>,
  { items, optional }: KeyedSource,
  mode: number,
  complaint: string,
): Files {
  if (!items?.length) return [...values].map(([key, data]) => [key, { data, mode }]);
  return items.flatMap((item): Files => {
    const data = values.get(item.key);
    if (data) return [[item.path, { data, mode: item.mode ?? mode }]];
    if (optional) return [];
    throw new Error(`${complaint}: ${item.key}`);
  });
}

function downwardFiles(
  pod: V1Pod,
  items: readonly V1DownwardAPIVolumeFile[],
  defaultMode = DEFAULT_MODE,
  { allocatable }: PayloadSources,
): Files {
  return items.map(({ path, fieldRef, resourceFieldRef, mode = defaultMode }) => {
    const text = fieldRef
      ? downwardField(fieldRef, pod, { podIps: [], hostIps: [] })
      : resourceFieldRef
        ? resourceField(resourceFieldRef, pod, undefined, allocatable())
        : '';
    return [path, { data: Buffer.from(text), mode }];
  });
}

async function tokenFiles(
  pod: V1Pod,
  { audience, expirationSeconds, path }: NonNullable<V1VolumeProjection['serviceAccountToken']>,
  defaultMode = DEFAULT_MODE,
  { tokens }: PayloadSources,
): Promise<Files> {
  const { token } = await tokens.token(pod, { audience, expirationSeconds });
  const uid = commonUser(pod);
  // Who else may read it is said by fsGroup, which makes 0640 of this.
  const mode = uid !== undefined || pod.spec?.securityContext?.fsGroup !== undefined ? TOKEN_MODE : defaultMode;
  return [[path, { data: Buffer.from(token), mode, ...(uid !== undefined && { uid }) }]];
}
