import { hash } from 'node:crypto';

const MOST_KEYS = 100_000;

/** Who used which key, longer than the API server keeps requests. The oldest are forgotten first. */
export class KeyBook {
  readonly #users = new Map<string, string>();

  /** Remembers that `user` asked with this key. The first user of a key stays its owner. */
  note(publicKeyDer: Uint8Array, user: string): void {
    const key = hash('sha256', publicKeyDer, 'base64');
    if (this.#users.has(key)) return;
    this.#users.set(key, user);
    if (this.#users.size > MOST_KEYS) this.#users.delete(this.#users.keys().next().value!);
  }

  /** The first other user of the key. */
  otherUser(publicKeyDer: Uint8Array, user: string): string | undefined {
    const owner = this.#users.get(hash('sha256', publicKeyDer, 'base64'));
    return owner === user ? undefined : owner;
  }
}
