import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatTime } from '../../api/machinery/object.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { SecretSource } from './pull-credentials.ts';

/** With whose credentials an image of a name has been pulled, by upstream's names (ImagePulledRecord). */
export interface PulledWith {
  readonly nodePodsAccessible?: boolean;
  readonly kubernetesSecrets?: readonly (SecretSource & { readonly credentialHash: string })[];
}

interface PulledRecord {
  readonly kind: 'ImagePulledRecord';
  readonly apiVersion: string;
  readonly lastUpdatedTime: string;
  readonly imageRef: string;
  /** By the image's name without tag and digest. */
  readonly credentialMapping: Readonly<Record<string, PulledWith>>;
}

const API_VERSION = 'kubelet.config.k8s.io/v1beta1';
/** More secrets than that are not remembered for an image: its pods pull again. */
const MOST_SECRETS = 100;

export interface PullRecordsOptions {
  /** `<root-dir>/image_manager`. */
  readonly directory: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
}

/**
 * What this kubelet has pulled, and with whose credentials: files, so that a restart does not open private images to everybody
 * (pkg/kubelet/images/pullmanager). A pull is noted before it begins; if the kubelet ends in it, the image counts as pulled by it, with
 * credentials unknown.
 */
export class PullRecords {
  readonly #options: PullRecordsOptions;
  /** Pulls under way, by image name. */
  readonly #underWay = new Map<string, number>();
  #writing: Promise<unknown> = Promise.resolve();

  constructor(options: PullRecordsOptions) {
    this.#options = options;
  }

  /** Before a pull. */
  async intend(image: string): Promise<void> {
    this.#underWay.set(image, (this.#underWay.get(image) ?? 0) + 1);
    try {
      await this.#write('pulling', image, { kind: 'ImagePullIntent', apiVersion: API_VERSION, image });
    } catch (error) {
      await this.failed(image);
      throw error;
    }
  }

  /** After it. What cannot be written leaves the intent, which is as good for keeping others out. */
  async pulled(image: string, repository: string, imageRef: string, using: PulledWith): Promise<void> {
    try {
      await this.remember(repository, imageRef, using);
      await this.#endIntent(image);
    } catch (error) {
      this.#options.logger.error('failed to write image pulled record', { imageRef, err: error });
    }
  }

  async failed(image: string): Promise<void> {
    await this.#endIntent(image).catch((error: unknown) =>
      this.#options.logger.error('failed to remove image pull intent', { image, err: error }),
    );
  }

  /** Adds credentials to what is known of an image. */
  remember(repository: string, imageRef: string, using: PulledWith): Promise<void> {
    const next = this.#writing.then(async () => {
      const before = await this.find(imageRef);
      const known = before?.credentialMapping ?? {};
      const mapping = new Map(Object.entries(known));
      mapping.set(repository, merge(mapping.get(repository), using));
      const record: PulledRecord = {
        kind: 'ImagePulledRecord',
        apiVersion: API_VERSION,
        lastUpdatedTime: formatTime(this.#options.clock.now()),
        imageRef,
        credentialMapping: Object.fromEntries(mapping),
      };
      await this.#write('pulled', imageRef, record);
    });
    this.#writing = next.catch(() => undefined); // told to who asked for it
    return next;
  }

  /** Undefined when this kubelet has not pulled it. */
  async find(imageRef: string): Promise<PulledRecord | undefined> {
    return this.#read<PulledRecord>('pulled', imageRef, (record) => record.imageRef === imageRef);
  }

  /** Whether a pull of the image is under way, or was when an earlier kubelet ended. */
  async isIntended(image: string): Promise<boolean> {
    if (this.#underWay.has(image)) return true;
    return (await this.#read<{ image: string }>('pulling', image, (intent) => intent.image === image)) !== undefined;
  }

  /** Images whose pull was begun and not ended. */
  async intended(): Promise<string[]> {
    const directory = join(this.#options.directory, 'pulling');
    const names = await namesIn(directory);
    const intents = await Promise.all(names.map((name) => unlessSpoilt(readJson<{ image?: unknown }>(join(directory, name)))));
    return intents.flatMap((intent) => (typeof intent?.image === 'string' ? [intent.image] : []));
  }

  /** Forgets images that the node does not have any more. `changedBeforeMs`: younger records stay, their image may be on its way. */
  async forgetOthers(imageRefs: ReadonlySet<string>, changedBeforeMs: number): Promise<void> {
    const directory = join(this.#options.directory, 'pulled');
    for (const name of await namesIn(directory)) {
      const path = join(directory, name);
      const record = await unlessSpoilt(readJson<PulledRecord>(path));
      if (record && (imageRefs.has(record.imageRef) || Date.parse(record.lastUpdatedTime) >= changedBeforeMs)) continue;
      await rm(path, { force: true });
    }
  }

  async #endIntent(image: string): Promise<void> {
    const count = (this.#underWay.get(image) ?? 1) - 1;
    if (count > 0) {
      this.#underWay.set(image, count);
      return;
    }
    await rm(this.#path('pulling', image), { force: true });
    this.#underWay.delete(image);
  }

  async #write(kind: 'pulling' | 'pulled', key: string, record: object): Promise<void> {
    const path = this.#path(kind, key);
    await mkdir(join(this.#options.directory, kind), { recursive: true, mode: 0o700 });
    await writeFileAtomic(path, JSON.stringify(record), { mode: 0o600 });
  }

  async #read<T>(kind: 'pulling' | 'pulled', key: string, fits: (record: T) => boolean): Promise<T | undefined> {
    const record = await readJson<T>(this.#path(kind, key));
    return record && fits(record) ? record : undefined;
  }

  #path(kind: 'pulling' | 'pulled', key: string): string {
    return join(this.#options.directory, kind, `sha256-${createHash('sha256').update(key).digest('hex')}`);
  }
}

function merge(before: PulledWith | undefined, using: PulledWith): PulledWith {
  if (before?.nodePodsAccessible || using.nodePodsAccessible) return { nodePodsAccessible: true };
  const added = using.kubernetesSecrets ?? [];
  const isNewer = (secret: SecretSource) => added.some((one) => isSameSecret(one, secret));
  const kept = (before?.kubernetesSecrets ?? []).filter((secret) => !isNewer(secret));
  return { kubernetesSecrets: [...kept, ...added].slice(-MOST_SECRETS) };
}

export const isSameSecret = (a: SecretSource, b: SecretSource) =>
  a.uid === b.uid && a.namespace === b.namespace && a.name === b.name;

/** Undefined for a file that is not there. One that cannot be read rejects, so that nobody is let in by it. */
async function readJson<T>(path: string): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new SyntaxError(`${path} is no record of a pull`);
  return value as T;
}

/** A file that holds no record is of no use to anybody; one that the disk does not give now may be read later. */
async function unlessSpoilt<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Of records; what an interrupted write left has a dot in front. */
async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => !name.startsWith('.'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
