import { createHash } from 'node:crypto';

/**
 * The queues that a flow may wait in: always the same ones for a flow, and rarely all the same for two flows, so that a flow that
 * fills its queues leaves others some of theirs (apiserver/pkg/util/shufflesharding).
 */
export function dealHand(flow: string, deckSize: number, handSize: number): number[] {
  let value = createHash('sha256').update(flow).digest().readBigUInt64LE(0);
  const hand: number[] = [];
  for (let i = 0; i < handSize; i++) {
    const left = BigInt(deckSize - i);
    let card = Number(value % left);
    value /= left;
    // The n-th of the cards that have not been dealt yet.
    for (const dealt of [...hand].sort((a, b) => a - b)) if (dealt <= card) card++;
    hand.push(card);
  }
  return hand;
}
