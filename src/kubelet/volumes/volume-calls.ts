import { resolve } from 'node:path';
import type { MountEntry } from '../../host/mount-info.ts';
import type { Mounts } from '../../host/mounts.ts';
import type { Clock } from '../../std/clock.ts';
import { Slots } from '../../std/slots.ts';
import { Turns } from '../../std/turns.ts';
import { within } from '../../std/within.ts';

/**
 * Of the four threads with which Node reads and writes files. A share whose server is away keeps each that asks it anything, for as long as it is
 * away: with all four this process reads and writes no file any more, and one that holds the cluster's store would take the cluster with it.
 */
const AT_ONCE = 2;
const LONGEST_MS = 120_000;

/** Questions to file systems that may never answer: those of volumes that are not the kubelet's own. */
export class VolumeCalls {
  readonly #clock: Pick<Clock, 'setTimer'>;
  readonly #mounts: Pick<Mounts, 'list'>;
  readonly #slots = new Slots(AT_ONCE);
  /** One question at a time to one place, so that several pods of one share leave room for others. */
  readonly #turns = new Turns<string>();
  readonly #running = new Set<string>();
  readonly #late = new Set<string>();

  constructor(clock: Pick<Clock, 'setTimer'>, mounts: Pick<Mounts, 'list'>) {
    this.#clock = clock;
    this.#mounts = mounts;
  }

  /**
   * What `work` gives or throws. Rejects when that takes two minutes, the wait for its turn included; who asks the same place afterwards hears so at
   * once, until it has answered.
   *
   * @param path what is asked about
   * @param drop takes what comes too late
   */
  async run<T>(path: string, work: () => Promise<T>, drop: (result: T) => unknown = () => undefined): Promise<T> {
    const place = placeOf(path, await this.#mounts.list());
    if (this.#late.has(place)) throw this.#noAnswer(place);
    let isOpen = true;
    const begin = async () => {
      this.#running.add(place);
      return work();
    };
    const call = this.#turns
      .take(place, () => this.#slots.run(begin))
      .finally(() => {
        isOpen = false;
        this.#running.delete(place);
        this.#late.delete(place);
      });
    try {
      return await within(this.#clock, LONGEST_MS, call, 'too late');
    } catch (error) {
      if (!isOpen) throw error;
      this.#late.add(place);
      call.then(drop).catch(() => undefined); // nobody waits for it any more
      throw this.#noAnswer(place);
    }
  }

  #noAnswer(place: string): Error {
    const seconds = LONGEST_MS / 1000;
    return new Error(
      this.#running.has(place)
        ? `its file system has not answered for ${seconds} s`
        : `it was not looked at for ${seconds} s, since file systems of other volumes of this node do not answer`,
    );
  }
}

/**
 * The file system that a path is on, as far as its name tells: to follow its links is a question itself. A path on a disk, or on the root's
 * file system, where nothing is mounted is a place of its own: links lead from there to anywhere.
 */
function placeOf(path: string, mounts: readonly MountEntry[]): string {
  const whole = resolve(path);
  let on: MountEntry | undefined;
  for (const mount of mounts)
    if (`${whole}/`.startsWith(`${mount.mountPoint}/`) && mount.mountPoint.length >= (on?.mountPoint.length ?? 0)) on = mount;
  return on && (on.mountPoint === whole || on.device.startsWith('0:')) ? on.device : whole;
}
