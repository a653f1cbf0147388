import { VirtualClock } from './clock.ts';

/** A clock on the wall that can be set, and beside it the time that passes. */
export class SettableClock extends VirtualClock {
  aheadMs = 0;

  override now(): number {
    return super.now() + this.aheadMs;
  }

  steady(): number {
    return super.now();
  }
}
