import { CodedError } from '../std/coded-error.ts';
import { KNOWN_CONTROLLERS, type KnownController } from './known-controllers.ts';

/** What `--controllers` comes to. */
export interface ControllerSelection {
  readonly enabled: readonly KnownController[];
  /** Those that `*` would have switched on upstream and that are not to be had here. */
  readonly missing: readonly KnownController[];
}

/**
 * Reads `--controllers`: `*` is all that are on by default, `x` switches x on, `-x` off; the first mention of a name counts, before `*`
 * (upstream's IsControllerEnabled). Names are upstream's, new or old.
 *
 * @throws CodedError naming what is unknown, or asked for by name and not to be had
 */
export function selectControllers(selectors: readonly string[]): ControllerSelection {
  const mentioned = new Map<string, boolean>();
  for (const selector of selectors) {
    if (selector === '*') continue;
    const isOff = selector.startsWith('-');
    const name = isOff ? selector.slice(1) : selector;
    const controller = KNOWN_CONTROLLERS.find((c) => c.name === name || c.alias === name);
    if (!controller) throw new CodedError(`"${name}" is not in the list of known controllers`, { code: 'CONTROLLER_UNKNOWN' });
    if (!isOff && !controller.supported)
      throw new CodedError(`controller "${name}" is not part of this controller manager`, { code: 'CONTROLLER_UNSUPPORTED' });
    if (!mentioned.has(controller.name)) mentioned.set(controller.name, !isOff);
  }
  const star = selectors.includes('*');
  const isOn = (c: KnownController) => mentioned.get(c.name) ?? (star && !c.disabledByDefault);
  const on = KNOWN_CONTROLLERS.filter(isOn);
  return { enabled: on.filter((c) => c.supported), missing: on.filter((c) => !c.supported) };
}
