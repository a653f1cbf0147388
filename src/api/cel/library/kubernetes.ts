/** Every function and type that Kubernetes' environment has (apiserver/pkg/cel/environment/base.go). */
import { functionTable } from '../declarations.ts';
import type { CelType } from '../types.ts';
import { comprehensionFunctions } from './comprehension-functions.ts';
import { conversionFunctions } from './conversions.ts';
import { operators } from './operators.ts';
import { optionalFunctions } from './optionals.ts';
import { regexFunctions } from './regex.ts';
import { timeFunctions } from './times.ts';

export const kubernetesFunctions = functionTable([
  ...operators,
  ...conversionFunctions,
  ...timeFunctions,
  ...optionalFunctions,
  ...comprehensionFunctions,
  ...regexFunctions,
]);

export const kubernetesTypes: ReadonlyMap<string, CelType> = new Map();
