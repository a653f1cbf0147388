import { lazyModule } from '../../std/lazy-module.ts';
import type { KindDefinition, PartSubresource } from './kind.ts';

type Validate = NonNullable<PartSubresource['validate']>;

/** A kind's checks: those of the whole object, and by name those of its parts. */
export interface Rules extends Pick<KindDefinition, 'validate' | 'validateUpdate' | 'warnings'> {
  readonly parts?: Readonly<Record<string, Validate>>;
}

/** Checks that are loaded with the first object of a kind that is written: a server that starts has none to check. */
export interface LateRules {
  /** To be spread into the kind's definition. */
  readonly whole: Required<Pick<KindDefinition, 'loadFirst' | 'validate' | 'validateUpdate' | 'warnings'>>;
  /** The check of one part. */
  part(name: string): Validate;
}

/** @param load imports the modules that the checks are in, and picks them */
export function lateRules(load: () => Promise<Rules>): LateRules {
  const rules = lazyModule(load);
  return {
    whole: {
      loadFirst: rules.load,
      validate: (object, context, existing) => rules.loaded.validate?.(object, context, existing) ?? [],
      validateUpdate: (updated, existing, context) => rules.loaded.validateUpdate?.(updated, existing, context) ?? [],
      warnings: (object, existing) => rules.loaded.warnings?.(object, existing) ?? [],
    },
    part: (name) => (updated, existing, context) => rules.loaded.parts?.[name]?.(updated, existing, context) ?? [],
  };
}
