/** What happened in a rehearsal, as it happened. */
export interface ChronicleEntry {
  readonly atMs: number;
  /** A node's name, or a part of the control plane. */
  readonly who: string;
  readonly what:
    | 'joined'
    | 'renewed'
    | 'renewal failed'
    | 'certificate ran out'
    | 'has a certificate again'
    | 'cannot come back'
    | 'went off'
    | 'came back'
    | 'authority ended'
    | 'authority replaced'
    | 'clock wrong'
    | 'clock right'
    | 'away'
    | 'back';
  /** Which certificate: client or serving. */
  readonly purpose?: 'client' | 'serving';
  readonly detail?: string;
}

export interface Summary {
  readonly nodes: number;
  readonly simulatedDays: number;
  readonly joined: number;
  readonly renewals: { readonly client: number; readonly serving: number };
  readonly failedTries: number;
  /** Certificates that ran out while their node was on. */
  readonly missed: number;
  /** Nodes that hold no valid client certificate at the end and are on. */
  readonly lost: readonly string[];
  /** The first thing that broke, and when; the last that came right again. */
  readonly firstBroken: ChronicleEntry | undefined;
  readonly lastMended: ChronicleEntry | undefined;
  /** Longest time without a valid certificate, over all nodes. */
  readonly longestGapMs: number;
}

/** What is kept of a story at most. */
export const MOST_ENTRIES = 10_000;

const BROKEN = new Set<ChronicleEntry['what']>(['renewal failed', 'certificate ran out', 'cannot come back', 'authority ended']);

/** What broke first, and what came right last, of entries in the order of time. */
export function turningPoints(entries: readonly ChronicleEntry[]): Pick<Summary, 'firstBroken' | 'lastMended'> {
  return {
    firstBroken: entries.find(({ what }) => BROKEN.has(what)),
    lastMended: entries.findLast(({ what }) => what === 'has a certificate again'),
  };
}

/** Keeps what matters: counts of what is usual, and every entry of what is not. */
export class Chronicle {
  readonly entries: ChronicleEntry[] = [];
  readonly counts = { joined: 0, client: 0, serving: 0, failed: 0, missed: 0 };
  readonly #gaps = new Map<string, number>();
  #longestGapMs = 0;

  note(entry: ChronicleEntry): void {
    const { what, purpose, who, atMs } = entry;
    const gap = `${who} ${purpose}`;
    if (what === 'joined') this.counts.joined++;
    else if (what === 'renewed') this.counts[purpose ?? 'client']++;
    else if (what === 'renewal failed') this.counts.failed++;
    else if (what === 'certificate ran out') {
      this.counts.missed++;
      this.#gaps.set(gap, atMs);
    } else if (what === 'has a certificate again') {
      this.#longestGapMs = Math.max(this.#longestGapMs, atMs - (this.#gaps.get(gap) ?? atMs));
      this.#gaps.delete(gap);
    }
    // Thousands of renewals that went well are a number, not a story; so are tries after the first.
    if (what === 'joined' || what === 'renewed') return;
    if (what === 'renewal failed' && this.entries.at(-1)?.what === what && this.entries.at(-1)?.who === who) return;
    if (this.entries.length < MOST_ENTRIES) this.entries.push(entry);
  }

  summary({
    nodes,
    simulatedMs,
    endMs,
    lost,
  }: {
    nodes: number;
    simulatedMs: number;
    endMs: number;
    lost: readonly string[];
  }): Summary {
    for (const fromMs of this.#gaps.values()) this.#longestGapMs = Math.max(this.#longestGapMs, endMs - fromMs);
    return {
      nodes,
      simulatedDays: Math.round(simulatedMs / 86_400_000),
      joined: this.counts.joined,
      renewals: { client: this.counts.client, serving: this.counts.serving },
      failedTries: this.counts.failed,
      missed: this.counts.missed,
      lost,
      ...turningPoints(this.entries),
      longestGapMs: this.#longestGapMs,
    };
  }
}
