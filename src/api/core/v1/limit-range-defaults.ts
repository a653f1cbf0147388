import type { V1LimitRange } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';

/** For containers: the largest amount is the default limit, the default limit the default request, else the least amount. */
export function setLimitRangeDefaults(object: DynamicObject): void {
  for (const item of (object as V1LimitRange).spec?.limits ?? []) {
    if (item.type !== 'Container') continue;
    item.default = { ...item.max, ...item.default };
    item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
  }
}
