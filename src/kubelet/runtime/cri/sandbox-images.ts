import { type Clock, steadyMs } from '../../../std/clock.ts';
import { GrpcError, isGrpcStatus } from '../../../std/grpc/grpc-error.ts';
import type { Logger } from '../../../std/logger.ts';
import type { CriClient } from './api/cri-client.ts';
import { type ContainerdClient, createContainerdClient } from './images/containerd-client.ts';
import { hostArchitecture } from './images/oci-image.ts';
import { pauseImage } from './pause/pause-image.ts';

export interface SandboxImagesOptions {
  readonly cri: CriClient;
  readonly endpoint: string;
  readonly requestTimeoutMs: number;
  readonly pullProgressTimeoutMs: number;
  /** A name that somebody gave beside the runtime's own. */
  readonly extraName?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What CRI and image clean-up know an image by that is to stay (containerd, pkg/cri/labels). */
const LABELS = { 'io.cri-containerd.image': 'managed', 'io.cri-containerd.pinned': 'pinned' };
const PULL_WATCH_MS = 10_000;

/**
 * Sees to it that sandboxes can be made where no registry is reached: where containerd has no image under the name that it makes sandboxes
 * of, Muster's own is put there. An image that is there is never replaced.
 */
export class SandboxImages {
  readonly #names = new Set<string>();
  readonly #options: SandboxImagesOptions;
  readonly #containerd: ContainerdClient;
  #prepared: Promise<void> | undefined;
  #configured: Promise<string | undefined> | undefined;
  /** What is being put there just now, by name: pods that start at once wait for one import. */
  readonly #provided = new Map<string, Promise<boolean>>();

  constructor(options: SandboxImagesOptions) {
    this.#options = options;
    this.#containerd = createContainerdClient(options.endpoint, options.requestTimeoutMs, options.clock);
    if (options.extraName) this.#names.add(options.extraName);
  }

  /** What sandboxes are made of here, as far as it is known. */
  async names(): Promise<ReadonlySet<string>> {
    const configured = await this.#configuredName();
    if (configured !== undefined) this.#names.add(configured);
    return this.#names;
  }

  /** Runs `makeSandbox`, with the image there; a second time when the runtime says that it lacks one of another name. */
  async provideFor<T>(makeSandbox: () => Promise<T>): Promise<T> {
    this.#prepared ??= this.#prepare();
    await this.#prepared;
    try {
      return await makeSandbox();
    } catch (error) {
      const name = missingImageIn(error);
      if (name === undefined || !(await this.#provide(name))) throw error;
      return makeSandbox();
    }
  }

  /** Rejects when no download has come any further for too long; as long as nothing is downloaded, there is nothing to say. */
  async watchPull(signal: AbortSignal): Promise<never> {
    const { clock, pullProgressTimeoutMs } = this.#options;
    let before = new Map<string, number>() as ReadonlyMap<string, number>;
    let progressAtMs = steadyMs(clock);
    for (;;) {
      await clock.sleep(Math.min(PULL_WATCH_MS, pullProgressTimeoutMs / 2), signal);
      const now = await this.#containerd.downloads().catch(() => new Map<string, number>()); // another runtime: it sees to that itself
      const stuck = now.size > 0 && now.size === before.size && [...now].every(([ref, offset]) => before.get(ref) === offset);
      if (!stuck) progressAtMs = steadyMs(clock);
      if (steadyMs(clock) - progressAtMs >= pullProgressTimeoutMs)
        throw new GrpcError('Canceled', `context canceled: the pull made no progress in ${pullProgressTimeoutMs / 1000}s`);
      before = now;
    }
  }

  close(): void {
    this.#containerd.close();
  }

  async #prepare(): Promise<void> {
    try {
      // From 2.0 on containerd does not tell; whoever named one may mean the same.
      const name = (await this.#configuredName()) ?? this.#options.extraName;
      if (name !== undefined) await this.#provide(name);
    } catch (error) {
      // Making the sandbox will tell, in the runtime's words, what is really missing.
      this.#options.logger.warn('The sandbox image could not be looked after', { err: error });
      this.#prepared = undefined;
    }
  }

  /** Asked for once; again where the question failed. */
  async #configuredName(): Promise<string | undefined> {
    this.#configured ??= this.#options.cri.call('Status', { verbose: true }).then(({ info }) => configuredName(info['config']));
    try {
      return await this.#configured;
    } catch (error) {
      this.#configured = undefined;
      throw error;
    }
  }

  /** False when the runtime is not containerd, or there is no image for this machine. */
  #provide(name: string): Promise<boolean> {
    const running = this.#provided.get(name);
    if (running !== undefined) return running;
    const provided = this.#import(name).finally(() => this.#provided.delete(name));
    this.#provided.set(name, provided);
    return provided;
  }

  async #import(name: string): Promise<boolean> {
    const { logger } = this.#options;
    const architecture = hostArchitecture();
    if (architecture === undefined) return false;
    this.#names.add(name);
    try {
      if (await this.#containerd.hasImage(name)) return true;
      await this.#containerd.addImage(name, pauseImage(architecture), LABELS);
      await this.#untilKnown(name);
      logger.info('The sandbox image was missing; the one built in was imported', { image: name });
      return true;
    } catch (error) {
      if (isGrpcStatus(error, 'Unimplemented')) return false;
      throw error;
    }
  }

  /** The CRI half of containerd hears of new images a moment later. */
  async #untilKnown(name: string): Promise<void> {
    const { cri, clock, requestTimeoutMs } = this.#options;
    const endMs = steadyMs(clock) + requestTimeoutMs;
    while (!(await cri.call('ImageStatus', { image: { image: name } })).image) {
      if (steadyMs(clock) >= endMs) throw new Error(`the runtime does not see image ${name}, which has just been imported`);
      await clock.sleep(10);
    }
  }
}

/** From what containerd tells of its configuration: `sandboxImage` up to 1.7. */
function configuredName(config: string | undefined): string | undefined {
  try {
    const { sandboxImage } = JSON.parse(config ?? '{}') as { sandboxImage?: unknown };
    return typeof sandboxImage === 'string' && sandboxImage !== '' ? sandboxImage : undefined;
  } catch {
    return undefined; // told in another form by another runtime
  }
}

/** containerd's words, the same from 1.6 to 2.x. */
function missingImageIn(error: unknown): string | undefined {
  return error instanceof GrpcError ? /failed to get sandbox image "([^"]+)"/.exec(error.detail)?.[1] : undefined;
}
