/** What is thought of claims and volumes between the decision and the informer's word. */
export class AssumedVolumes {
  /** Volume name → claim (`namespace/name`) that it will be bound to. */
  readonly #claimOf = new Map<string, string>();
  /** Claim → the volume or the node that was chosen for it. */
  readonly #choices = new Map<string, ClaimChoice>();

  choiceFor(claim: string): ClaimChoice | undefined {
    return this.#choices.get(claim);
  }

  isTaken(volumeName: string): boolean {
    return this.#claimOf.has(volumeName);
  }

  assume(claim: string, choice: ClaimChoice): void {
    this.#choices.set(claim, choice);
    if ('volumeName' in choice) this.#claimOf.set(choice.volumeName, claim);
  }

  release(claim: string): void {
    const choice = this.#choices.get(claim);
    this.#choices.delete(claim);
    if (choice && 'volumeName' in choice) this.#claimOf.delete(choice.volumeName);
  }
}

/** A volume that is there, or a node for which one is to be made. */
export type ClaimChoice = { readonly volumeName: string } | { readonly nodeName: string };
