import { CodedError } from '../../std/coded-error.ts';

export const DEFAULT_NODE_PORTS = '30000-32767';
const HIGHEST_PORT = 65_535;

/** The ports that services can have on every node, counted from 0. */
export class PortRange {
  readonly first: number;
  readonly size: number;

  /** @throws CodedError INVALID_RANGE unless it is `30000-32767`, `30000+2767` or one port */
  constructor(text: string) {
    const match = /^\s*(\d{1,5})\s*(?:([-+])\s*(\d{1,5}))?\s*$/.exec(text);
    const first = Number(match?.[1] ?? 0);
    const last = match?.[2] ? (match[2] === '+' ? first + Number(match[3]) : Number(match[3])) : first;
    if (!match || first < 1 || last < first || last > HIGHEST_PORT)
      throw new CodedError(`${JSON.stringify(text)} is no range of ports like ${DEFAULT_NODE_PORTS}`, { code: 'INVALID_RANGE' });
    this.first = first;
    this.size = last - first + 1;
  }

  get text(): string {
    return `${this.first}-${this.first + this.size - 1}`;
  }

  /** The part at the beginning that is given out last, and is there for those who choose their port (KEP-3668). */
  get staticBand(): number {
    return this.size <= 16 ? 0 : Math.min(Math.max(Math.floor(this.size / 32), 16), 128);
  }

  at(offset: number): number {
    return this.first + offset;
  }

  offsetOf(port: number): number | undefined {
    const offset = port - this.first;
    return Number.isInteger(offset) && offset >= 0 && offset < this.size ? offset : undefined;
  }
}
