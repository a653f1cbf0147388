import { blocksHaveRoom, isInBlock } from './address-blocks.ts';
import { familyOf } from './plain-address.ts';

/**
 * How long an idle block gives no addresses before it is given back: far longer than the runtime needs to hear of it, so that no pod that
 * was being made meanwhile has an address of a block that has gone.
 */
const WITHHELD_MS = 60_000;
/** So many addresses must be free without it: more than make a node take another, so that none is taken and given back in turns. */
const FREE_WITHOUT = 32;

/**
 * Blocks of a node that no pod has an address of and that it can do without. The first of each family stays whatever is: a tunnel has its address. Pure.
 *
 * @param blocks in order
 */
export function idleBlocks(blocks: readonly string[], usedAddresses: readonly string[]): string[] {
  const idle: string[] = [];
  for (const family of [4, 6]) {
    const own = blocks.filter((block) => familyOf(block) === family);
    for (const block of own.slice(1).toReversed()) {
      if (usedAddresses.some((address) => isInBlock(block, address))) continue;
      const others = own.filter((one) => one !== block && !idle.includes(one));
      if (blocksHaveRoom(others, usedAddresses, FREE_WITHOUT)) idle.push(block);
    }
  }
  return idle;
}

export interface IdleBlocks {
  /** Give no addresses. */
  readonly withheld: readonly string[];
  /** Of those, the ones that have for long enough. */
  readonly due: readonly string[];
}

/** Remembers since when blocks are idle. One that is used again meanwhile begins anew. */
export function createIdleBlocks(): (idle: readonly string[], nowMs: number) => IdleBlocks {
  const since = new Map<string, number>();
  return (idle, nowMs) => {
    for (const block of since.keys()) if (!idle.includes(block)) since.delete(block);
    for (const block of idle) if (!since.has(block)) since.set(block, nowMs);
    return { withheld: idle, due: idle.filter((block) => nowMs - since.get(block)! >= WITHHELD_MS) };
  };
}
