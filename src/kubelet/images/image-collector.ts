import { statfs } from 'node:fs/promises';
import { parseDuration } from '../../api/machinery/duration.ts';
import { steadyMs } from '../../std/clock.ts';
import { type Component, deferred, isAbort } from '../../std/lifecycle.ts';
import type { PodPartContext } from '../pods/pod-parts.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ImageService, RuntimeImage } from '../runtime/runtime-abilities.ts';
import { bytesToFree, type DiskUsage, type ImageHistory, isTooOld, observeImages, removableImages } from './collection-plan.ts';
import type { PullRecords } from './pull-records.ts';

export interface ImageCollectorOptions {
  readonly context: Pick<PodPartContext, 'configuration' | 'events' | 'metrics' | 'nodeName' | 'clock' | 'logger'>;
  readonly runtime: Pick<Runtime, 'list'>;
  readonly images: ImageService;
  readonly records?: Pick<PullRecords, 'forgetOthers'>;
  /** Ids or names of images that are in use though no container is made of them: those mounted as volumes. */
  readonly alsoInUse?: () => Iterable<string>;
  /** Of the disk that the images lie on. Default: asks the system. */
  readonly diskUsage?: () => Promise<DiskUsage>;
}

export interface ImageCollector extends Component {
  /** The images of the node as they were at the last look, at most half a minute ago. */
  readonly images: readonly RuntimeImage[];
  /** One round by the configured limits. */
  collect(): Promise<void>;
  /** Removes every image that is not in use, whatever the marks say: for a node whose disk is full. Answers the bytes freed. */
  removeUnused(): Promise<number>;
}

/** Upstream's periods: for the node's status, and for collecting. */
const LOOK_MS = 30_000;
const COLLECT_MS = 300_000;

/** Keeps the disk of the images below its high mark, and old images away (pkg/kubelet/images/image_gc_manager.go). */
export function createImageCollector(options: ImageCollectorOptions): ImageCollector {
  const { context, runtime, images, records } = options;
  const { configuration, events, metrics, nodeName, clock, logger } = context;
  const marks = { highPercent: configuration.imageGCHighThresholdPercent, lowPercent: configuration.imageGCLowThresholdPercent };
  const minimumAgeMs = parseDuration(configuration.imageMinimumGCAge);
  const maximumAgeMs = parseDuration(configuration.imageMaximumGCAge);
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
  const diskUsage = options.diskUsage ?? (() => usageOf(images));
  const done = deferred();
  let histories = new Map<string, ImageHistory>();
  let latest: readonly RuntimeImage[] = [];
  let startedMs = steadyMs(clock);
  /** One round at a time: two would count the same bytes twice. */
  let round: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = round.then(work);
    round = next.catch(() => undefined); // told to who asked for it
    return next;
  }

  async function observe(nowMs: number): Promise<void> {
    const [list, { containers }] = await Promise.all([images.list(), runtime.list()]);
    const used = new Set(containers.flatMap(({ imageId, image }) => [imageId, image]));
    for (const name of options.alsoInUse?.() ?? []) used.add(name);
    const isInUse = ({ id, repoTags, repoDigests }: RuntimeImage) =>
      [id, ...repoTags, ...repoDigests].some((name) => used.has(name));
    histories = observeImages(histories, list, isInUse, nowMs);
    latest = list;
  }

  async function collect(): Promise<void> {
    const nowMs = steadyMs(clock);
    const changedBeforeMs = clock.now();
    await observe(nowMs);
    await removeOld(nowMs);
    const usage = await diskUsage();
    if (usage.capacityBytes <= 0) {
      const message = 'invalid capacity 0 on image filesystem';
      events?.event(node, 'Warning', 'InvalidDiskCapacity', message);
      throw new Error(message);
    }
    const wanted = bytesToFree(usage, marks);
    if (wanted > 0) {
      logger.info('Disk usage on image filesystem is over the high threshold, trying to free bytes down to the low threshold', {
        ...marks,
        amountToFree: wanted,
      });
      const freed = await free(wanted, nowMs, minimumAgeMs);
      if (freed < wanted) {
        const message = `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`;
        events?.event(node, 'Warning', 'FreeDiskSpaceFailed', message);
        throw new Error(message);
      }
    }
    await records?.forgetOthers(new Set(latest.map(({ id }) => id)), changedBeforeMs);
  }

  /** Not before the kubelet has watched for that long: it cannot know when they were last used. */
  async function removeOld(nowMs: number): Promise<void> {
    if (nowMs - startedMs <= maximumAgeMs) return;
    const old = removableImages(histories.values(), nowMs).filter((image) => isTooOld(image, maximumAgeMs, nowMs));
    const { failures } = await removeAll(old, Number.POSITIVE_INFINITY, 'age');
    if (failures.length > 0)
      throw new Error(
        `wanted to free images older than ${configuration.imageMaximumGCAge}, encountered errors in image deletion: ${listed(failures)}`,
      );
  }

  async function free(wantedBytes: number, nowMs: number, youngestMs: number): Promise<number> {
    const candidates = removableImages(histories.values(), nowMs).filter(({ firstSeenMs }) => nowMs - firstSeenMs >= youngestMs);
    const { freedBytes, failures } = await removeAll(candidates, wantedBytes, 'space');
    if (failures.length > 0)
      throw new Error(
        `wanted to free ${wantedBytes} bytes, but freed ${freedBytes} bytes space with errors in image deletion: ${listed(failures)}`,
      );
    return freedBytes;
  }

  /** What cannot be removed keeps the others from nothing. */
  async function removeAll(candidates: readonly ImageHistory[], wantedBytes: number, reason: 'age' | 'space') {
    let freedBytes = 0;
    const failures: string[] = [];
    for (const { id, sizeBytes } of candidates) {
      if (freedBytes >= wantedBytes) break;
      try {
        logger.info('Removing image to free bytes', { imageID: id, size: sizeBytes });
        await images.remove(id);
        metrics?.add('kubelet_image_garbage_collected_total', [reason]);
        histories.delete(id);
        latest = latest.filter((image) => image.id !== id);
        freedBytes += sizeBytes;
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    return { freedBytes, failures };
  }

  async function keepCollecting(signal: AbortSignal): Promise<void> {
    if (marks.highPercent === 100 && maximumAgeMs === 0) {
      logger.debug(2, 'ImageGCHighThresholdPercent is set 100 and ImageMaximumGCAge is 0, Disable image GC');
      return;
    }
    for (let failed = false; ; ) {
      try {
        await inTurn(collect);
        failed = false;
      } catch (error) {
        // Once may be a disk whose numbers are not there yet.
        logger.error(
          failed ? 'Image garbage collection failed multiple times in a row' : 'Image garbage collection failed once',
          {
            err: error,
          },
        );
        if (failed) events?.event(node, 'Warning', 'ImageGCFailed', (error as Error).message);
        failed = true;
      }
      await clock.sleep(COLLECT_MS, signal);
    }
  }

  async function keepLooking(signal: AbortSignal): Promise<void> {
    for (;;) {
      await clock.sleep(LOOK_MS, signal);
      await inTurn(() => observe(steadyMs(clock))).catch((error: unknown) =>
        logger.warn('Failed to update image list', { err: error }),
      );
    }
  }

  return {
    name: 'collection of images',
    get images() {
      return latest;
    },
    collect: () => inTurn(collect),
    removeUnused: () =>
      inTurn(async () => {
        const nowMs = steadyMs(clock);
        await observe(nowMs);
        return free(Number.MAX_SAFE_INTEGER, nowMs, minimumAgeMs);
      }),
    async start(signal) {
      signal.throwIfAborted();
      startedMs = steadyMs(clock);
      await inTurn(() => observe(startedMs)).catch((error: unknown) => logger.warn('Failed to monitor images', { err: error }));
      const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      const loops = [keepCollecting(signal), keepLooking(signal)].map((loop) =>
        loop.catch((error: unknown) => {
          if (!isAbort(error, signal)) throw error;
        }),
      );
      Promise.all([...loops, ended]).then(
        () => done.resolve(),
        (error: unknown) => done.reject(error),
      );
    },
    done: done.promise,
  };
}

async function usageOf(images: ImageService): Promise<DiskUsage> {
  const [disk] = (await images.filesystems()).images;
  if (!disk) throw new Error('the container runtime tells of no file system with images');
  const { blocks, bavail, bsize } = await statfs(disk.mountpoint);
  return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize };
}

const listed = (failures: readonly string[]) => (failures.length === 1 ? failures[0] : `[${[...new Set(failures)].join(', ')}]`);
