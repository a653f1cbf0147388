import { CountedElsewhere, type Metric } from '../../std/metric.ts';

/** Those that upstream promises to keep (test/instrumentation/testdata/stable-metrics-list.yaml). */
const STABLE: ReadonlySet<string> = new Set([
  'apiserver_admission_controller_admission_duration_seconds',
  'apiserver_admission_step_admission_duration_seconds',
  'apiserver_admission_webhook_admission_duration_seconds',
  'apiserver_current_inflight_requests',
  'apiserver_longrunning_requests',
  'apiserver_request_duration_seconds',
  'apiserver_request_total',
  'apiserver_requested_deprecated_apis',
  'apiserver_response_sizes',
  'apiserver_storage_objects',
  'apiserver_storage_size_bytes',
]);

/** Those whose labels upstream does not change any more. */
const BETA: ReadonlySet<string> = new Set([
  'apiserver_authentication_config_controller_automatic_reload_last_timestamp_seconds',
  'apiserver_authentication_config_controller_automatic_reloads_total',
  'apiserver_authorization_config_controller_automatic_reload_last_timestamp_seconds',
  'apiserver_authorization_config_controller_automatic_reloads_total',
  'apiserver_cel_compilation_duration_seconds',
  'apiserver_cel_evaluation_duration_seconds',
  'apiserver_flowcontrol_current_executing_requests',
  'apiserver_flowcontrol_current_executing_seats',
  'apiserver_flowcontrol_current_inqueue_requests',
  'apiserver_flowcontrol_dispatched_requests_total',
  'apiserver_flowcontrol_nominal_limit_seats',
  'apiserver_flowcontrol_rejected_requests_total',
  'apiserver_flowcontrol_request_wait_duration_seconds',
  'apiserver_storage_events_received_total',
  'apiserver_validating_admission_policy_check_duration_seconds',
  'apiserver_validating_admission_policy_check_total',
  'apiserver_validation_declarative_validation_mismatch_total',
  'apiserver_validation_declarative_validation_panic_total',
  'apiserver_watch_list_duration_seconds',
  'disabled_metrics_total',
  'hidden_metrics_total',
  'kubernetes_build_info',
  'kubernetes_feature_enabled',
  'registered_metrics_total',
]);

const OWN = ['disabled_metrics_total', 'hidden_metrics_total', 'registered_metrics_total'];

/** Says how many families of metrics a text has, by how much upstream promises of them; none is hidden or can be disabled here. */
export function familiesOf(text: string): Metric {
  const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name!).concat(OWN);
  const of = (level: string) => (STABLE.has(level) ? 'STABLE' : BETA.has(level) ? 'BETA' : 'ALPHA');
  const counts = new Map<string, number>();
  for (const name of names) counts.set(of(name), (counts.get(of(name)) ?? 0) + 1);
  const none = (name: string, help: string) => new CountedElsewhere(name, help, [], () => [[[], 0]]);
  const metrics = [
    none('disabled_metrics_total', 'The count of disabled metrics.'),
    none('hidden_metrics_total', 'The count of hidden metrics.'),
    new CountedElsewhere(
      'registered_metrics_total',
      'The count of registered metrics broken by stability level and deprecation version.',
      ['deprecated_version', 'stability_level'],
      () => [...counts].map(([level, count]) => [['', level], count] as const),
    ),
  ];
  return { render: () => metrics.map((metric) => metric.render()).join('') };
}
