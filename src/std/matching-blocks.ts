/** What two lists have in common, in order: Ratcliff and Obershelp's way as Python's difflib goes it, which Go's port follows. */

export interface Block {
  readonly inA: number;
  readonly inB: number;
  readonly size: number;
}

/** From this length on, what is very frequent says little and is passed over. */
const LONG = 200;
const MOST_STEPS = 3_000_000;

/**
 * The blocks that are the same, longest first looked for, in their order and none next to another; nothing where that would take too long.
 */
export function matchingBlocks(a: readonly string[], b: readonly string[]): Block[] | undefined {
  const placesInB = new Map<string, number[]>();
  b.forEach((item, j) => {
    const places = placesInB.get(item);
    if (places) places.push(j);
    else placesInB.set(item, [j]);
  });
  if (b.length >= LONG)
    for (const [item, { length }] of placesInB) if (length > Math.floor(b.length / 100) + 1) placesInB.delete(item);

  let steps = 0;
  const found: Block[] = [];
  const open: [aFrom: number, aTo: number, bFrom: number, bTo: number][] = [[0, a.length, 0, b.length]];
  for (let next = open.pop(); next; next = open.pop()) {
    const [aFrom, aTo, bFrom, bTo] = next;
    let [inA, inB, size] = [aFrom, bFrom, 0];
    let lengths = new Map<number, number>();
    for (let i = aFrom; i < aTo; i++) {
      const longer = new Map<number, number>();
      for (const j of placesInB.get(a[i]!) ?? []) {
        if (++steps > MOST_STEPS) return undefined;
        if (j < bFrom) continue;
        if (j >= bTo) break;
        const length = (lengths.get(j - 1) ?? 0) + 1;
        longer.set(j, length);
        if (length > size) [inA, inB, size] = [i - length + 1, j - length + 1, length];
      }
      lengths = longer;
    }
    // What was passed over for being frequent belongs to the block where it is at its ends.
    while (inA > aFrom && inB > bFrom && a[inA - 1] === b[inB - 1]) {
      inA--;
      inB--;
      size++;
    }
    while (inA + size < aTo && inB + size < bTo && a[inA + size] === b[inB + size]) size++;
    if (!size) continue;
    found.push({ inA, inB, size });
    if (aFrom < inA && bFrom < inB) open.push([aFrom, inA, bFrom, inB]);
    if (inA + size < aTo && inB + size < bTo) open.push([inA + size, aTo, inB + size, bTo]);
  }
  return joined(found.sort((one, other) => one.inA - other.inA || one.inB - other.inB));
}

function joined(blocks: readonly Block[]): Block[] {
  const result: Block[] = [];
  for (const block of blocks) {
    const last = result.at(-1);
    if (last && last.inA + last.size === block.inA && last.inB + last.size === block.inB)
      result[result.length - 1] = { ...last, size: last.size + block.size };
    else result.push(block);
  }
  return result;
}
