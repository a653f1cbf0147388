import { CodedError } from '../../../std/coded-error.ts';

/** Hands out the IPv4 addresses of a range, lowest first; network, gateway (.1) and broadcast stay free. */
export class AddressPool {
  #first: number;
  #size: number;
  #taken = new Set<number>();
  #next = 0;
  readonly cidr: string;

  /** @throws CodedError when `cidr` is no IPv4 range of at least four addresses */
  constructor(cidr: string) {
    const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
    const bytes = match?.slice(1, 5).map(Number) ?? [];
    const bits = Number(match?.[5]);
    if (!match || bytes.some((byte) => byte > 255) || bits < 8 || bits > 30)
      throw new CodedError(`pod range ${JSON.stringify(cidr)} is not an IPv4 range between /8 and /30`, {
        code: 'POD_CIDR_INVALID',
      });
    const address = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    const width = 2 ** (32 - bits);
    this.cidr = cidr;
    this.#first = address - (address % width) + 2;
    this.#size = width - 3;
  }

  /** @throws CodedError when every address is taken */
  take(): string {
    for (let tried = 0; tried < this.#size; tried++) {
      const at = this.#next;
      this.#next = (this.#next + 1) % this.#size;
      if (this.#taken.has(at)) continue;
      this.#taken.add(at);
      return format(this.#first + at);
    }
    throw new CodedError(`no IP addresses available in range ${this.cidr}`, { code: 'POD_CIDR_FULL', retryable: true });
  }

  /** Marks an address as in use; false when it is not of this range. */
  claim(address: string): boolean {
    const at = parse(address) - this.#first;
    if (!(at >= 0 && at < this.#size)) return false;
    this.#taken.add(at);
    return true;
  }

  release(address: string): void {
    this.#taken.delete(parse(address) - this.#first);
  }
}

const format = (address: number) => [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
const parse = (address: string) => address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
