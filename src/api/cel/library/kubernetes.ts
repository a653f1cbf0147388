/** Every function and type that Kubernetes' environment has (apiserver/pkg/cel/environment/base.go). */
import { functionTable } from '../declarations.ts';
import type { CelType } from '../types.ts';
import { addressFunctions, CIDR, IP } from './addresses.ts';
import { authorizerFunctions } from './authorizer.ts';
import { comprehensionFunctions } from './comprehension-functions.ts';
import { conversionFunctions } from './conversions.ts';
import { FORMAT, formatFunctions } from './formats.ts';
import { listFunctions } from './lists.ts';
import { operators } from './operators.ts';
import { optionalFunctions } from './optionals.ts';
import { QUANTITY, quantityFunctions } from './quantities.ts';
import { regexFunctions } from './regex.ts';
import { SEMVER, semverFunctions } from './semvers.ts';
import { setFunctions } from './sets.ts';
import { stringFunctions } from './strings.ts';
import { timeFunctions } from './times.ts';
import { URL_TYPE, urlFunctions } from './urls.ts';

export const kubernetesFunctions = functionTable([
  ...operators,
  ...conversionFunctions,
  ...timeFunctions,
  ...optionalFunctions,
  ...comprehensionFunctions,
  ...regexFunctions,
  ...stringFunctions,
  ...listFunctions,
  ...setFunctions,
  ...quantityFunctions,
  ...addressFunctions,
  ...urlFunctions,
  ...semverFunctions,
  ...formatFunctions,
  ...authorizerFunctions,
]);

export const kubernetesTypes: ReadonlyMap<string, CelType> = new Map(
  [QUANTITY, IP, CIDR, URL_TYPE, SEMVER, FORMAT].map((type) => [type.name, type]),
);
