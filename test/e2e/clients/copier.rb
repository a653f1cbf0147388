# A controller with nothing but Ruby's kubeclient: keeps a copy of every ConfigMap with a label.
#
# Usage: copier.rb KUBECONFIG NAMESPACE. Prints a line for whatever it does.
require 'kubeclient'

$stdout.sync = true
kubeconfig, namespace = ARGV
context = Kubeclient::Config.read(kubeconfig).context
core = Kubeclient::Client.new(
  "#{context.api_endpoint}/api", context.api_version,
  ssl_options: context.ssl_options, auth_options: context.auth_options
)

copy = lambda do |source|
  copied = "#{source.metadata.name}-copy"
  body = { metadata: { name: copied, namespace: namespace }, data: source.data.to_h }
  begin
    core.create_config_map(Kubeclient::Resource.new(body))
    puts "created #{copied}"
  rescue Kubeclient::HttpError => e
    raise unless e.error_code == 409

    core.patch_config_map(copied, { data: source.data.to_h }, namespace)
    puts "patched #{copied}"
  end
end

begin
  core.get_config_map('nobody', namespace)
rescue Kubeclient::ResourceNotFoundError => e
  puts "missed #{e.message}"
end

found = core.get_config_maps(namespace: namespace, label_selector: 'copy=yes')
found.each(&copy)
core.watch_config_maps(namespace: namespace, label_selector: 'copy=yes', resource_version: found.resourceVersion) do |notice|
  puts "saw #{notice.type} #{notice.object.metadata.name}"
  copy.call(notice.object) if %w[ADDED MODIFIED].include?(notice.type)
end
