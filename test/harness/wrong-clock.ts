/**
 * Loaded before a program (`node --import`), gives it a wall clock of its own, as on a machine whose clock is wrong. Time that only passes
 * (timers, `performance.now()`) is right, as it is there; whether a peer's certificate is valid, TLS asks the machine.
 *
 *     CLOCK_AHEAD_MS    how much it is ahead at first; less than 0: behind
 *     CLOCK_STEP_MS     by how much SIGUSR2 sets it on; by as much back when it is sent again, and so on
 */
const TrueDate = Date;
let aheadMs = Number(process.env['CLOCK_AHEAD_MS'] ?? 0);
let stepMs = Number(process.env['CLOCK_STEP_MS'] ?? 0);

class WrongDate extends TrueDate {
  constructor(...args: [] | [number]) {
    super(...((args.length === 0 ? [WrongDate.now()] : args) as [number]));
  }

  static override now(): number {
    return TrueDate.now() + aheadMs;
  }
}

globalThis.Date = WrongDate as DateConstructor;
process.on('SIGUSR2', () => {
  aheadMs += stepMs;
  stepMs = -stepMs;
});
