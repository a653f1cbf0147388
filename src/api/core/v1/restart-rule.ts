import type { V1Container, V1ContainerRestartRule } from '../../gen/types.ts';

/** The first of a container's own rules that is about an exit code (component-helpers, FindMatchingContainerRestartRule). */
export function restartRuleFor(
  { restartPolicyRules }: Pick<V1Container, 'restartPolicyRules'>,
  exitCode: number,
): V1ContainerRestartRule | undefined {
  return restartPolicyRules?.find(({ exitCodes }) => {
    const listed = exitCodes?.values?.includes(exitCode) ?? false;
    return exitCodes !== undefined && listed === (exitCodes.operator === 'In');
  });
}
