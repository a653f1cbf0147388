import { randomUUID } from 'node:crypto';
import type { ConversionClient, Definition } from '../../api/apiextensions/v1/definition.ts';
import { equalJson, isJsonMap } from '../../api/machinery/clone.ts';
import { describeErrors } from '../../api/machinery/field-error.ts';
import { goFormat } from '../../api/machinery/go-format.ts';
import type { RemoteConversion } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { StatusError } from '../../api/machinery/status-error.ts';
import { validateAnnotations, validateLabels } from '../../api/machinery/validate-metadata.ts';
import { exactJsonText, isExactInteger, parseExactJson } from '../../std/exact-json.ts';
import type { ConversionFailureType, ConversionMetrics } from '../metrics/conversion-metrics.ts';

/** Asks a webhook and gives back its answer's text; rejects with an Error in Go's words. */
export type AskWebhook = (question: { client: ConversionClient; body: string; timeoutMs: number }) => Promise<string>;

const TIMEOUT_MS = 30_000;
/** Larger batches are sent in parts, so that no question is larger than what answers may be. */
const LARGEST_BATCH_BYTES = 4 * 1024 * 1024;

/**
 * Conversion by a webhook (apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go). What it makes of metadata counts for
 * labels and annotations alone.
 */
export function createWebhookConversion(
  { metadata, spec }: Definition,
  ask: AskWebhook,
  metrics?: Pick<ConversionMetrics, 'asked'>,
): RemoteConversion {
  const { clientConfig: client = {}, conversionReviewVersions = [] } = spec.conversion?.webhook ?? {};
  const reviewVersion = conversionReviewVersions.find((version) => version === 'v1' || version === 'v1beta1') ?? 'v1';
  const askFor = async (objects: readonly DynamicObject[], apiVersion: string): Promise<DynamicObject[]> => {
    const from = describe(objects[0]!);
    const uid = randomUUID();
    const review = {
      kind: 'ConversionReview',
      apiVersion: `apiextensions.k8s.io/${reviewVersion}`,
      request: { uid, desiredAPIVersion: apiVersion, objects },
    };
    let answer: unknown;
    try {
      answer = parseAnswer(await ask({ client, body: exactJsonText(review), timeoutMs: TIMEOUT_MS }));
    } catch (cause) {
      throw new ConversionFailure('call_failure', `conversion webhook for ${from} failed: ${(cause as Error).message}`, cause);
    }
    const converted = readAnswer(answer, { from, uid, apiVersion: review.apiVersion });
    if (converted.length !== objects.length) {
      const count = `returned ${converted.length} objects, expected ${objects.length}`;
      throw new ConversionFailure('partial_response_failure', `conversion webhook for ${from} ${count}`);
    }
    return converted.map((object, i) => checked(object, objects[i]!, { from: describe(objects[i]!), apiVersion }));
  };
  const convertBatch = async (objects: readonly DynamicObject[], apiVersion: string): Promise<DynamicObject[]> => {
    const startMs = performance.now();
    const outcome = { definition: metadata.name!, from: versionOf(objects[0]!.apiVersion), to: versionOf(apiVersion) };
    try {
      const made = await askFor(objects, apiVersion);
      metrics?.asked({ ...outcome, seconds: (performance.now() - startMs) / 1000 });
      return made;
    } catch (error) {
      const failure = error instanceof ConversionFailure ? error.type : undefined;
      if (failure) metrics?.asked({ ...outcome, seconds: (performance.now() - startMs) / 1000, failure });
      throw error;
    }
  };
  return {
    async convert(objects, apiVersion) {
      const made: DynamicObject[] = [];
      for (const batch of batches(objects)) made.push(...(await convertBatch(batch, apiVersion)));
      return made;
    },
  };
}

const versionOf = (apiVersion: string) => apiVersion.slice(apiVersion.indexOf('/') + 1);

function parseAnswer(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch (error) {
    throw new Error(`couldn't get version/kind; json parse error: ${(error as Error).message}`, { cause: error });
  }
}

function* batches(objects: readonly DynamicObject[]): Generator<DynamicObject[]> {
  let batch: DynamicObject[] = [];
  let sizeBytes = 0;
  for (const object of objects) {
    const bytes = exactJsonText(object).length;
    if (batch.length && sizeBytes + bytes > LARGEST_BATCH_BYTES) {
      yield batch;
      batch = [];
      sizeBytes = 0;
    }
    batch.push(object);
    sizeBytes += bytes;
  }
  if (batch.length) yield batch;
}

/** As Go shows a kind: `example.com/v1, Kind=Widget`. */
const describe = ({ apiVersion, kind }: DynamicObject) => `${apiVersion}, Kind=${kind}`;

/** Upstream has no better name for it than a failure of the server's. */
class ConversionFailure extends StatusError {
  readonly type: ConversionFailureType;

  constructor(type: ConversionFailureType, message: string, cause?: unknown) {
    super({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 }, { cause });
    this.type = type;
  }
}

interface Asked {
  readonly from: string;
  readonly uid: string;
  readonly apiVersion: string;
}

function readAnswer(answer: unknown, { from, uid, apiVersion }: Asked): unknown[] {
  const refuse = (why: string) =>
    new ConversionFailure('malformed_response_failure', `conversion webhook for ${from} failed: ${why}`);
  const review = isJsonMap(answer) ? answer : {};
  // The older review need not say its kind, nor the identifier of the question.
  const isOld = apiVersion.endsWith('/v1beta1');
  const says = (field: string, value: string) => review[field] === value || (isOld && review[field] === undefined);
  if (!says('kind', 'ConversionReview') || !says('apiVersion', apiVersion)) {
    const got = `${goFormat(review['apiVersion'] ?? '/')}, Kind=${goFormat(review['kind'] ?? '')}`;
    throw refuse(`expected webhook response of ${apiVersion}, Kind=ConversionReview, got ${got}`);
  }
  const response = isJsonMap(review['response']) ? review['response'] : undefined;
  if (!response) throw refuse('no response provided');
  if (!isOld && response['uid'] !== uid)
    throw refuse(`expected response.uid=${JSON.stringify(uid)}, got ${exactJsonText(response['uid'] ?? '')}`);
  const result = isJsonMap(response['result']) ? response['result'] : {};
  if (result['status'] !== 'Success') {
    const { message, status } = result;
    if (typeof message === 'string' && message) throw refuse(message);
    throw refuse(`response.result.status was '${status === undefined ? '' : goFormat(status)}', not 'Success'`);
  }
  return Array.isArray(response['convertedObjects']) ? response['convertedObjects'] : [];
}

interface Expected {
  readonly from: string;
  readonly apiVersion: string;
}

/** The converted object with the metadata that it had, but for labels and annotations. */
function checked(converted: unknown, original: DynamicObject, { from, apiVersion }: Expected): DynamicObject {
  const refuse = (what: string, why: string) =>
    new ConversionFailure('invalid_converted_object_failure', `conversion webhook for ${from} returned invalid ${what}: ${why}`);
  if (!isJsonMap(converted)) throw refuse('object at index 0', 'it is no object');
  if (converted['apiVersion'] !== apiVersion) {
    const received = goFormat(converted['apiVersion'] ?? '');
    throw refuse('object at index 0', `invalid groupVersion (expected ${apiVersion}, received ${received})`);
  }
  if (converted['kind'] !== original.kind) {
    const received = goFormat(converted['kind'] ?? '');
    throw refuse('object at index 0', `invalid kind (expected ${original.kind}, received ${received})`);
  }
  const metadata = isJsonMap(converted['metadata']) ? converted['metadata'] : {};
  for (const [field, name] of KEPT_NAMES) {
    const before = original.metadata[field] ?? '';
    const after = typeof metadata[field] === 'string' ? metadata[field] : '';
    if (before !== after) throw refuse('object', `must have the same ${name}: ${before} != ${after}`);
  }
  const { labels, annotations } = metadata;
  for (const [field, map] of Object.entries({ labels, annotations })) {
    const wrong = wrongInMap(field as 'labels' | 'annotations', map, original);
    if (wrong) throw refuse('metadata', wrong);
  }
  const { labels: _l, annotations: _a, ...kept } = original.metadata;
  return {
    ...(converted as DynamicObject),
    metadata: {
      ...kept,
      ...(isJsonMap(labels) && { labels }),
      ...(isJsonMap(annotations) && { annotations }),
    } as DynamicObject['metadata'],
  };
}

const KEPT_NAMES = [
  ['name', 'name'],
  ['namespace', 'namespace'],
  ['uid', 'UID'],
] as const;

/** What is new in labels and annotations is held to their rules; what was there before is not. */
function wrongInMap(field: 'labels' | 'annotations', map: unknown, { metadata }: DynamicObject): string | undefined {
  if (map === undefined || map === null) return undefined;
  if (!isJsonMap(map)) return `invalid metadata.${field} of type ${goTypeOf(map)} in converted object`;
  for (const [name, value] of Object.entries(map))
    if (typeof value !== 'string')
      return `metadata.${field}[${name}] must be a string, but is ${goTypeOf(value)} in converted object`;
  if (equalJson(map, metadata[field] ?? {})) return undefined;
  const texts = map as Record<string, string>;
  const errors =
    field === 'labels' ? validateLabels(texts, 'metadata.labels') : validateAnnotations(texts, 'metadata.annotation');
  return errors.length ? describeErrors(errors) : undefined;
}

function goTypeOf(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (isJsonMap(value)) return 'map[string]interface {}';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'string' ? 'string' : isExactInteger(value) ? 'int64' : 'float64';
}
