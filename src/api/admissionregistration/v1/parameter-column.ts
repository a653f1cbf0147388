import type { V1ParamRef } from '../../gen/types.ts';
import { textColumn, UNSET } from '../../machinery/columns.ts';
import { describeSelector } from '../../machinery/label-selector-text.ts';
import type { KubeObject } from '../../machinery/object.ts';

type Binding = KubeObject & { readonly spec?: { readonly paramRef?: V1ParamRef } };

/** Of both kinds of bindings. Whether parameters have a namespace is not known here: a name without one is shown as of any. */
export const parameterColumn = textColumn<Binding>('ParamRef', 'Its parameters.', ({ spec }) => {
  const { name, namespace, selector } = spec?.paramRef ?? {};
  if (name) return `${namespace || '*'}/${name}`;
  return selector ? describeSelector(selector) : UNSET;
});
