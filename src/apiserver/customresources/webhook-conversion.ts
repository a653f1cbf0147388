import { randomUUID } from 'node:crypto';
import type { ConversionClient, Definition } from '../../api/apiextensions/v1/definition.ts';
import { equalJson, isJsonMap } from '../../api/machinery/clone.ts';
import { goFormat } from '../../api/machinery/go-format.ts';
import type { RemoteConversion } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { StatusError } from '../../api/machinery/status-error.ts';
import { exactJsonText } from '../../std/exact-json.ts';

/** Asks a webhook and gives back its parsed answer; rejects with an Error in Go's words. */
export type AskWebhook = (question: { client: ConversionClient; body: string; timeoutMs: number }) => Promise<unknown>;

const TIMEOUT_MS = 30_000;
/** Larger batches are sent in parts, so that no question is larger than what answers may be. */
const LARGEST_BATCH_BYTES = 4 * 1024 * 1024;

/**
 * Conversion by a webhook (apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go). What it makes of metadata counts for
 * labels and annotations alone.
 */
export function createWebhookConversion({ spec }: Definition, ask: AskWebhook): RemoteConversion {
  const { clientConfig: client = {}, conversionReviewVersions = [] } = spec.conversion?.webhook ?? {};
  const reviewVersion = conversionReviewVersions.find((version) => version === 'v1' || version === 'v1beta1') ?? 'v1';
  const convertBatch = async (objects: readonly DynamicObject[], apiVersion: string): Promise<DynamicObject[]> => {
    const from = describe(objects[0]!);
    const uid = randomUUID();
    const review = {
      kind: 'ConversionReview',
      apiVersion: `apiextensions.k8s.io/${reviewVersion}`,
      request: { uid, desiredAPIVersion: apiVersion, objects },
    };
    let answer: unknown;
    try {
      answer = await ask({ client, body: exactJsonText(review), timeoutMs: TIMEOUT_MS });
    } catch (cause) {
      throw failure(`conversion webhook for ${from} failed: ${(cause as Error).message}`, cause);
    }
    const converted = readAnswer(answer, { from, uid, apiVersion: review.apiVersion });
    if (converted.length !== objects.length)
      throw failure(`conversion webhook for ${from} returned ${converted.length} objects, expected ${objects.length}`);
    return converted.map((object, i) => checked(object, objects[i]!, { from, apiVersion, at: i }));
  };
  return {
    async convert(objects, apiVersion) {
      const made: DynamicObject[] = [];
      for (const batch of batches(objects)) made.push(...(await convertBatch(batch, apiVersion)));
      return made;
    },
  };
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
function failure(message: string, cause?: unknown): StatusError {
  return new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 }, { cause });
}

interface Asked {
  readonly from: string;
  readonly uid: string;
  readonly apiVersion: string;
}

function readAnswer(answer: unknown, { from, uid, apiVersion }: Asked): unknown[] {
  const review = isJsonMap(answer) ? answer : {};
  if (review['kind'] !== 'ConversionReview' || review['apiVersion'] !== apiVersion)
    throw failure(
      `conversion webhook for ${from} failed: expected response type apiextensions.k8s.io/${apiVersion.split('/')[1]}, Kind=ConversionReview, got ${goFormat(review['apiVersion'] ?? '')}, Kind=${goFormat(review['kind'] ?? '')}`,
    );
  const response = isJsonMap(review['response']) ? review['response'] : undefined;
  if (!response) throw failure(`conversion webhook for ${from} failed: no response provided`);
  // The older review does not demand it.
  if (response['uid'] !== uid && !(apiVersion.endsWith('/v1beta1') && !response['uid']))
    throw failure(
      `conversion webhook for ${from} failed: expected response.uid=${JSON.stringify(uid)}, got ${exactJsonText(response['uid'] ?? '')}`,
    );
  const result = isJsonMap(response['result']) ? response['result'] : {};
  if (result['status'] !== 'Success') {
    const message = typeof result['message'] === 'string' && result['message'] ? result['message'] : undefined;
    if (message !== undefined) throw failure(`conversion webhook for ${from} failed: ${message}`);
    throw failure(
      result['status'] === undefined
        ? `conversion webhook for ${from} failed: response.result.status was '', not 'Success'`
        : `conversion webhook for ${from} failed: response.result.status was '${goFormat(result['status'])}', not 'Success'`,
    );
  }
  return Array.isArray(response['convertedObjects']) ? response['convertedObjects'] : [];
}

interface Expected {
  readonly from: string;
  readonly apiVersion: string;
  readonly at: number;
}

/** The converted object with the metadata that it had, but for labels and annotations. */
function checked(converted: unknown, original: DynamicObject, { from, apiVersion, at }: Expected): DynamicObject {
  const refuse = (why: string) =>
    failure(`conversion webhook for ${from} returned invalid converted object at index ${at}: ${why}`);
  if (!isJsonMap(converted)) throw refuse('it is no object');
  if (converted['apiVersion'] !== apiVersion)
    throw refuse(`invalid groupVersion (expected ${apiVersion}, received ${goFormat(converted['apiVersion'] ?? '')})`);
  if (converted['kind'] !== original.kind)
    throw refuse(`invalid kind (expected ${original.kind}, received ${goFormat(converted['kind'] ?? '')})`);
  const metadata = converted['metadata'];
  if (!isJsonMap(metadata)) throw refuse('invalid metadata of type <nil> in input object');
  for (const field of ['name', 'namespace', 'uid'] as const)
    if (!equalJson(metadata[field] ?? '', original.metadata[field] ?? ''))
      throw refuse(
        `must have the same ${field}: ${goFormat(original.metadata[field] ?? '')} != ${goFormat(metadata[field] ?? '')}`,
      );
  for (const field of ['labels', 'annotations'] as const) {
    const map = metadata[field];
    if (map !== undefined && map !== null && !(isJsonMap(map) && Object.values(map).every((value) => typeof value === 'string')))
      throw refuse(`invalid metadata: ${field} must be a map of strings`);
  }
  const { labels: _l, annotations: _a, ...kept } = original.metadata;
  const { labels, annotations } = metadata as DynamicObject['metadata'];
  return {
    ...(converted as DynamicObject),
    metadata: { ...kept, ...(labels && { labels }), ...(annotations && { annotations }) },
  };
}
