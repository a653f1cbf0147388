import { createHash, randomBytes } from 'node:crypto';
import { type Clock, steadyMs, type Timer } from '../../../std/clock.ts';
import { isGrpcStatus } from '../../../std/grpc/grpc-error.ts';
import type { Logger } from '../../../std/logger.ts';
import { createAesGcm } from '../ciphers.ts';
import type { ValueTransformer } from '../value-transformer.ts';
import { createDerivedKeyCipher, SEED_BYTES } from './derived-keys.ts';
import {
  checkEncryptedKey,
  checkKeyId,
  decodeEncryptedObject,
  type EncryptedObject,
  encodeEncryptedObject,
  KeySource,
} from './encrypted-object.ts';
import type { EncryptedKey, KmsService } from './kms-service.ts';

export interface KmsProviderDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** What is written is of another form now. */
  readonly formChanged: () => void;
}

/** A KMS v2 provider: values are encrypted here, with keys derived of a seed that the plugin alone can decrypt. */
export interface KmsProvider {
  readonly name: string;
  readonly transformer: ValueTransformer;
  /** Asks the plugin for the first time, and then now and then, until `close`. Resolves when it has answered or failed. */
  start(): Promise<void>;
  /** Rejects with what is wrong with the plugin. */
  check(): Promise<void>;
  close(): void;
}

/** Of upstream's encryptionconfig: how long an answer is good for, how often is asked, how long a seed may write unconfirmed. */
const GOOD_ANSWER_MS = 20_000;
const BAD_ANSWER_MS = 3_000;
const ASK_MS = 60_000;
const ASK_AGAIN_MS = 10_000;
const SEED_UNCONFIRMED_MS = 3 * 60_000;

/** Seeds that are remembered: about one a key of the plugin and start of a server. */
const MOST_SEEDS = 10_000;
/** A plugin that says no is asked so often; one that is not there, for as long as it takes. */
const REFUSALS = 5;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

interface WritingSeed {
  readonly cipher: ValueTransformer;
  readonly key: EncryptedKey;
  /** By the clock that nobody sets. */
  readonly expiresMs: number;
}

/** Keeps nothing plain but the seeds, and those in memory alone. */
export function createKmsProvider(name: string, service: KmsService, deps: KmsProviderDeps): KmsProvider {
  const { clock, logger, random } = deps;
  const ciphers = new Map<string, ValueTransformer>();
  const refused = new Map<string, string>();
  const decrypting = new Map<string, Promise<void>>();
  const closed = new AbortController();
  let writing: WritingSeed | undefined;
  let lastAnswer = { atMs: Number.NEGATIVE_INFINITY, problem: undefined as Error | undefined };
  let asking: Promise<void> | undefined;
  let timer: Timer | undefined;

  const remember = (id: string, cipher: ValueTransformer) => {
    ciphers.delete(id);
    ciphers.set(id, cipher);
    if (ciphers.size > MOST_SEEDS) ciphers.delete(ciphers.keys().next().value!);
  };

  /** A seed that is as old as the plugin's key goes on; another key of the plugin's begins another seed. */
  const useKey = async (keyId: string) => {
    if (writing?.key.keyId === keyId) {
      writing = { ...writing, expiresMs: steadyMs(clock) + SEED_UNCONFIRMED_MS };
      return;
    }
    const seed = randomBytes(SEED_BYTES);
    const { ciphertext, keyId: encryptedWith, annotations } = await service.encrypt(seed);
    const key = { ciphertext, keyId: encryptedWith, annotations };
    checkEncryptedKey(key);
    const cipher = createDerivedKeyCipher(seed);
    remember(seedId({ ...key, source: KeySource.derivedKeySeed }), cipher);
    writing = { cipher, key, expiresMs: steadyMs(clock) + SEED_UNCONFIRMED_MS };
    logger.info('Values are encrypted with another key of the KMS plugin', { provider: name, keyId: hashOf(encryptedWith) });
    deps.formChanged();
  };
  const ask = async () => {
    let problem: Error | undefined;
    try {
      const { version, healthz, keyId } = await service.status();
      checkStatus(name, version, healthz, keyId);
      await useKey(keyId);
    } catch (error) {
      problem = new Error(
        `failed to perform status section of the healthz check for KMS Provider ${name}, error: ${(error as Error).message}`,
        { cause: error },
      );
      if (!closed.signal.aborted) logger.warn(problem.message);
    }
    lastAnswer = { atMs: steadyMs(clock), problem };
  };
  const askOnce = () => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };
  const schedule = () => {
    if (closed.signal.aborted) return;
    timer = clock.setTimer(lastAnswer.problem ? ASK_AGAIN_MS : ASK_MS, () => void askOnce().then(schedule));
  };

  const decrypt = async (id: string, object: EncryptedObject) => {
    let refusals = 0;
    for (let pauseMs = FIRST_PAUSE_MS; !closed.signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const key = await service.decrypt({
          ciphertext: object.ciphertext,
          keyId: object.keyId,
          annotations: object.annotations,
        });
        remember(id, object.source === KeySource.derivedKeySeed ? createDerivedKeyCipher(key) : createAesGcm(key));
        refused.delete(id);
        return;
      } catch (error) {
        const message = (error as Error).message;
        logger.warn('The KMS plugin does not decrypt a key', { provider: name, keyId: hashOf(object.keyId), error });
        refused.set(id, message);
        if (!isGrpcStatus(error, 'Unavailable', 'DeadlineExceeded') && ++refusals >= REFUSALS) return;
      }
      await clock.sleep(pauseMs * (1 + random()), closed.signal).catch(() => undefined);
    }
  };

  const transformer: ValueTransformer = {
    prepare(stored) {
      const object = tryDecode(stored);
      if (!object) return undefined;
      const id = seedId(object);
      if (ciphers.has(id)) return undefined;
      let running = decrypting.get(id);
      if (!running) {
        running = decrypt(id, object).finally(() => decrypting.delete(id));
        decrypting.set(id, running);
      }
      return running;
    },
    read(stored, path) {
      const object = decodeEncryptedObject(stored);
      const id = seedId(object);
      const cipher = ciphers.get(id);
      if (!cipher) throw new Error(`failed to decrypt DEK, error: ${refused.get(id) ?? 'it has not been asked for'}`);
      const { data, stale } = cipher.read(Buffer.from(object.data), path);
      return { data, stale: stale || object.keyId !== writing?.key.keyId || object.source !== KeySource.derivedKeySeed };
    },
    write(data, path) {
      if (!writing)
        throw lastAnswer.problem ?? new Error(`got unexpected nil transformer: KMS Provider ${name} has not answered`);
      const { cipher, key, expiresMs } = writing;
      const leftMs = expiresMs - steadyMs(clock);
      if (leftMs < 0)
        throw new Error(
          `encryptedDEKSource with keyID hash ${JSON.stringify(hashOf(key.keyId))} expired at ${timeOf(clock.now() + leftMs)} (current time is ${timeOf(clock.now())})`,
        );
      return encodeEncryptedObject({ ...key, source: KeySource.derivedKeySeed, data: cipher.write(data, path) });
    },
    formOf(stored) {
      const object = tryDecode(stored);
      return object ? `${object.source}:${object.keyId}` : '';
    },
  };
  return {
    name,
    transformer,
    async start() {
      await askOnce();
      schedule();
    },
    async check() {
      const goodMs = lastAnswer.problem ? BAD_ANSWER_MS : GOOD_ANSWER_MS;
      if (steadyMs(clock) - lastAnswer.atMs >= goodMs) await askOnce();
      if (lastAnswer.problem) throw lastAnswer.problem;
    },
    close() {
      closed.abort();
      timer?.cancel();
      service.close();
    },
  };
}

function checkStatus(name: string, version: string, healthz: string, keyId: string): void {
  const problems: string[] = [];
  if (healthz !== 'ok') problems.push(`got unexpected healthz status: ${healthz}`);
  if (version !== 'v2' && version !== 'v2beta1') problems.push(`expected KMSv2 API version v2, got ${version}`);
  try {
    checkKeyId(keyId);
  } catch (error) {
    problems.push(`expected KMSv2 KeyID to be set, got: ${(error as Error).message}`);
  }
  const [first, ...more] = problems;
  if (first === undefined) return;
  throw new Error(`kmsv2 Provider ${name} is not healthy, error: ${more.length ? `[${problems.join(', ')}]` : first}`);
}

function tryDecode(stored: Buffer): EncryptedObject | undefined {
  try {
    return decodeEncryptedObject(stored);
  } catch {
    // Whoever reads it is told why.
    return undefined;
  }
}

/** One text for each key that the plugin has encrypted, and what belongs to it. */
function seedId({ ciphertext, keyId, annotations, source }: Omit<EncryptedObject, 'data'>): string {
  const hash = createHash('sha256')
    .update(`${source} ${ciphertext.length} `)
    .update(ciphertext)
    .update(` ${keyId.length} ${keyId}`);
  for (const [name, value] of Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(` ${name.length} ${name} ${value.length} `).update(value);
  return hash.digest('base64');
}

const hashOf = (keyId: string) => (keyId ? `sha256:${createHash('sha256').update(keyId).digest('hex')}` : '');
const timeOf = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
