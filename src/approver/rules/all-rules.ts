import type { Rule } from '../rule.ts';
import { IDENTITY_RULES } from './identity-rules.ts';
import { NAME_RULES } from './name-rules.ts';
import { OPERATION_RULES, REQUEST_RULES } from './request-rules.ts';

/** Every rule, in the order of its code. */
export const ALL_RULES: readonly Rule[] = [...IDENTITY_RULES, ...REQUEST_RULES, ...NAME_RULES, ...OPERATION_RULES];
