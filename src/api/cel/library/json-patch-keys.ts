/** `jsonpatch.escapeKey("a/b")` (apiserver/pkg/cel/library/jsonpatch.go). */
import { declare, type FunctionDeclaration, overload } from '../declarations.ts';
import { STRING } from '../types.ts';

export const jsonPatchFunctions: readonly FunctionDeclaration[] = [
  declare(
    'jsonpatch.escapeKey',
    overload('string_jsonpatch_escapeKey_string', [STRING], STRING, (key: string) =>
      key.replaceAll('~', '~0').replaceAll('/', '~1'),
    ),
  ),
];
