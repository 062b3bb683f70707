/** What a schema of Kubernetes cannot see: that the objects fit each other, the image and the program. */
import { readConfig } from '../../src/config/read-config.js';
import { AppError } from '../../src/core/errors.js';
import { METRICS } from '../../src/telemetry/metrics.js';
import { keyFromText } from '../../src/vault/master-key.js';
import { all, at, below, environmentFaults, IMAGE, isNode, type Node, ROUTES, valueAt } from './deploy-files.js';

/** The operator's own: a scan names claims that the files do not make. */
const OWN_CLAIMS = ['images', 'zeef-scan'];

interface Pod {
  /** For messages. */
  readonly name: string;
  readonly labels: Node;
  readonly spec: Node;
}

type Check = (objects: readonly Node[], pods: readonly Pod[]) => string[];

function podsOf(objects: readonly Node[]): Pod[] {
  return objects.flatMap((object) => {
    const name = `${String(object.kind)} ${String(at(object, 'metadata').name)}`;
    if (object.kind === 'Pod') return [{ name, labels: at(object, 'metadata', 'labels'), spec: at(object, 'spec') }];
    const template = at(object, 'spec', 'template');
    if (template.spec === undefined) return [];
    return [{ name, labels: at(template, 'metadata', 'labels'), spec: at(template, 'spec') }];
  });
}

const containersOf = ({ spec }: Pod) => all(spec, 'containers').filter(isNode);
const named = (objects: readonly Node[], kind: string, name: unknown) =>
  objects.find((object) => object.kind === kind && at(object, 'metadata').name === name);
const portOf = (container: Node, port: unknown) =>
  all(container, 'ports').find((one) => valueAt(one, 'name') === port || valueAt(one, 'containerPort') === port);

function isSelected(selector: Node, labels: Node): boolean {
  const ofLabels = Object.entries(at(selector, 'matchLabels')).every(([name, value]) => labels[name] === value);
  return (
    ofLabels &&
    all(selector, 'matchExpressions').every(
      (one) =>
        valueAt(one, 'operator') === 'In' && all(one, 'values').includes(labels[String(valueAt(one, 'key'))] ?? null),
    )
  );
}

const environments: Check = (objects, pods) =>
  pods.flatMap((pod) =>
    containersOf(pod).flatMap((container) => {
      const variables = all(container, 'env').filter(isNode);
      const given = variables.map(({ name, value }): [string, string] => [String(name), String(value ?? '')]);
      const faults = environmentFaults(Object.fromEntries(given)).map((fault) => `${pod.name}: ${fault}`);
      for (const { name, valueFrom } of variables) {
        if (valueFrom === undefined) continue;
        const { name: secret, key } = at(valueFrom, 'secretKeyRef');
        if (at(named(objects, 'Secret', secret), 'stringData')[String(key)] === undefined)
          faults.push(`${pod.name}: ${String(name)} is of a secret without it`);
      }
      return faults;
    }),
  );

const probes: Check = (_objects, pods) =>
  pods.flatMap((pod) =>
    containersOf(pod).flatMap((container) =>
      [...below(container)].flatMap(([path, value]) => {
        if (!path.endsWith('/httpGet')) return [];
        const { path: route, port } = at(value);
        return [
          ...(ROUTES.has(String(route)) ? [] : [`${pod.name}: ${path} asks ${String(route)}, which is no route`]),
          ...(portOf(container, port) ? [] : [`${pod.name}: ${path} asks port ${String(port)}, which is not open`]),
        ];
      }),
    ),
  );

const ports: Check = (objects, pods) => {
  const faults = pods.flatMap((pod) => {
    const open = containersOf(pod).flatMap((container) => all(container, 'ports'));
    const scraped = objects.flatMap((object) =>
      [...below(object)].filter(([path]) => path.endsWith('/prometheus.io/port')).map(([, value]) => Number(value)),
    );
    return [...open.map((one) => valueAt(one, 'containerPort')), ...scraped]
      .filter((port) => port !== IMAGE.port)
      .map((port) => `${pod.name}: port ${String(port)} is not that of the image`);
  });
  const known = (port: unknown, selector: Node) =>
    pods
      .filter(({ labels }) => isSelected(selector, labels))
      .flatMap(containersOf)
      .some((container) => portOf(container, port));
  for (const service of objects.filter(({ kind }) => kind === 'Service'))
    for (const port of all(service, 'spec', 'ports'))
      if (!known(valueAt(port, 'targetPort'), { matchLabels: at(service, 'spec', 'selector') }))
        faults.push(`Service: no pod has the port ${String(valueAt(port, 'targetPort'))}`);
  for (const policy of objects.filter(({ kind }) => kind === 'NetworkPolicy')) {
    for (const rule of all(policy, 'spec', 'ingress'))
      for (const port of all(rule, 'ports'))
        if (!known(valueAt(port, 'port'), at(policy, 'spec', 'podSelector')))
          faults.push(`NetworkPolicy: no pod has the port ${String(valueAt(port, 'port'))}`);
  }
  return faults;
};

const selectors: Check = (objects, pods) => {
  const faults: string[] = [];
  const ours = (labels: Node) => labels['app.kubernetes.io/name'] === 'zeef';
  for (const object of objects) {
    const what = `${String(object.kind)} ${String(at(object, 'metadata').name)}`;
    if (object.kind === 'Deployment') {
      const labels = at(object, 'spec', 'template', 'metadata', 'labels');
      if (!isSelected(at(object, 'spec', 'selector'), labels)) faults.push(`${what}: its selector is not of its pods`);
    }
    for (const [path, value] of below(object)) {
      if (!/\/(selector|podSelector|labelSelector)$/.test(path) || !isNode(value)) continue;
      const selector = object.kind === 'Service' ? { matchLabels: value } : value;
      const isOfOthers = object.kind === 'NetworkPolicy' && !ours(at(selector, 'matchLabels'));
      if (!isOfOthers && !pods.some(({ labels }) => isSelected(selector, labels)))
        faults.push(`${what}: ${path} selects no pod`);
    }
    if (object.kind === 'Service') {
      const selector = { matchLabels: at(object, 'spec', 'selector') };
      const strays = pods.filter(({ name, labels }) => !name.startsWith('Deployment') && isSelected(selector, labels));
      faults.push(...strays.map(({ name }) => `${what}: it sends requests to ${name}`));
    }
  }
  return faults;
};

const autoscaling: Check = (objects, pods) =>
  objects
    .filter(({ kind }) => kind === 'HorizontalPodAutoscaler')
    .flatMap((scaler) => {
      const { scaleTargetRef, minReplicas, maxReplicas } = at(scaler, 'spec');
      const { kind, name } = at(scaleTargetRef);
      const faults: string[] = [];
      if (!named(objects, String(kind), name)) faults.push(`autoscaler: there is no ${String(kind)} ${String(name)}`);
      if (Number(minReplicas) < 2 || Number(maxReplicas) < Number(minReplicas))
        faults.push('autoscaler: the number of replicas');
      for (const metric of all(scaler, 'spec', 'metrics')) {
        const gauge = valueAt(metric, 'pods', 'metric', 'name');
        if (gauge !== undefined && (METRICS as Record<string, { kind: string }>)[String(gauge)]?.kind !== 'gauge')
          faults.push(`autoscaler: ${String(gauge)} is no gauge of Zeef`);
        const resource = valueAt(metric, 'resource', 'name');
        const scaled = pods.filter((pod) => pod.name === `${String(kind)} ${String(name)}`).flatMap(containersOf);
        if (resource !== undefined && scaled.some((one) => !at(one, 'resources', 'requests')[String(resource)]))
          faults.push(`autoscaler: no request of ${String(resource)} to compare with`);
      }
      return faults;
    });

const volumes: Check = (objects, pods) =>
  pods.flatMap((pod) => {
    const defined = all(pod.spec, 'volumes').filter(isNode);
    const mounts = containersOf(pod).flatMap((container) => all(container, 'volumeMounts').filter(isNode));
    const faults: string[] = [];
    for (const { name } of mounts)
      if (!defined.some((volume) => volume.name === name)) faults.push(`${pod.name}: no volume ${String(name)}`);
    for (const { name, secret, configMap, persistentVolumeClaim } of defined) {
      if (!mounts.some((mount) => mount.name === name)) faults.push(`${pod.name}: ${String(name)} is not mounted`);
      const { secretName } = at(secret);
      if (secret !== undefined && !named(objects, 'Secret', secretName))
        faults.push(`${pod.name}: no secret ${String(secretName)}`);
      if (configMap !== undefined && !named(objects, 'ConfigMap', at(configMap).name))
        faults.push(`${pod.name}: no configuration ${String(at(configMap).name)}`);
      const { claimName } = at(persistentVolumeClaim);
      if (persistentVolumeClaim !== undefined && !OWN_CLAIMS.includes(String(claimName)))
        faults.push(`${pod.name}: no claim ${String(claimName)}`);
    }
    for (const path of ['/tmp', IMAGE.dataDir])
      if (!mounts.some((mount) => mount.mountPath === path && mount.readOnly !== true))
        faults.push(`${pod.name}: ${path} is not writable`);
    return [...faults, ...missingFiles(objects, pod, mounts, defined)];
  });

/** Files that variables and commands name, in the secrets and configurations that are mounted there. */
function missingFiles(objects: readonly Node[], pod: Pod, mounts: readonly Node[], defined: readonly Node[]): string[] {
  const names = containersOf(pod).flatMap((container) => [
    ...all(container, 'env').map((one) => valueAt(one, 'value')),
    ...all(container, 'command'),
  ]);
  return names.flatMap((path) => {
    const mount = mounts.find(({ mountPath }) => String(path).startsWith(`${String(mountPath)}/`));
    const volume = defined.find(({ name }) => name === mount?.name);
    const content = volume?.secret
      ? at(named(objects, 'Secret', at(volume, 'secret').secretName), 'stringData')
      : volume?.configMap && at(named(objects, 'ConfigMap', at(volume, 'configMap').name), 'data');
    if (!isNode(content) || String(path).slice(String(mount?.mountPath).length + 1) in content) return [];
    return [`${pod.name}: nothing is mounted at ${String(path)}`];
  });
}

const images: Check = (_objects, pods) =>
  pods.flatMap((pod) =>
    containersOf(pod)
      .filter(({ image }) => image !== IMAGE.name)
      .map(({ image }) => `${pod.name}: the image is ${String(image)}, and this version is ${IMAGE.name}`),
  );

const confinement: Check = (_objects, pods) =>
  pods.flatMap((pod) => {
    const { runAsNonRoot, runAsUser, seccompProfile } = at(pod.spec, 'securityContext');
    const faults: string[] = [];
    const require = (isSo: boolean, what: string) => {
      if (!isSo) faults.push(`${pod.name}: ${what}`);
    };
    require(runAsNonRoot === true && runAsUser === 1000, 'not the user of the image');
    require(seccompProfile !== undefined, 'no seccomp profile');
    require(pod.spec.automountServiceAccountToken === false, 'a token of the cluster is mounted');
    for (const container of containersOf(pod)) {
      const { allowPrivilegeEscalation, readOnlyRootFilesystem, privileged } = at(container, 'securityContext');
      require(allowPrivilegeEscalation === false && privileged !== true, 'privileges');
      require(readOnlyRootFilesystem === true, 'a root file system that is written');
      require(all(container, 'securityContext', 'capabilities', 'drop').includes('ALL'), 'capabilities');
      const { requests, limits } = at(container, 'resources');
      require(Boolean(
        at(requests).cpu && at(requests).memory && at(limits).memory,
      ), 'no bound on memory, or no request');
    }
    return faults;
  });

/** Requests in flight, and the time before them in which the balancers are informed. */
const endings: Check = (_objects, pods) =>
  pods
    .filter(({ name }) => name.startsWith('Deployment'))
    .flatMap((pod) =>
      containersOf(pod).flatMap((container) => {
        const before = Number(valueAt(container, 'lifecycle', 'preStop', 'sleep', 'seconds'));
        const needed = before + readConfig({ env: {} }).shutdownMs / 1_000;
        return Number(pod.spec.terminationGracePeriodSeconds) > needed
          ? []
          : [`${pod.name}: killed before it has ended`];
      }),
    );

/** The templates hold no secret, and Zeef does not start by one that was forgotten. */
const secrets: Check = (objects) =>
  objects
    .filter(({ kind }) => kind === 'Secret')
    .flatMap((secret) =>
      Object.entries({ ...at(secret, 'data'), ...at(secret, 'stringData') }).flatMap(([name, value]) => [
        ...(value === '' ? [] : [`Secret: ${name} has a value`]),
        ...(name === 'list.key' && !refuses(() => keyFromText(String(value))) ? [`Secret: ${name} would be used`] : []),
        ...(name === 'zeef.json' && !refuses(() => readConfig({ env: {}, fileText: String(value) }))
          ? [`Secret: ${name} would be used`]
          : []),
      ]),
    );

function refuses(act: () => unknown): boolean {
  try {
    act();
    return false;
  } catch (error) {
    return error instanceof AppError;
  }
}

const jobs: Check = (objects) =>
  objects
    .filter(({ kind }) => kind === 'Job')
    .flatMap((job) => {
      const folders = String(at(named(objects, 'ConfigMap', 'zeef-scan'), 'data').folders ?? '');
      const lines = folders.split('\n').filter((line) => line !== '').length;
      const { completions, completionMode } = at(job, 'spec');
      return completions === lines && completionMode === 'Indexed'
        ? []
        : [`Job: ${String(completions)} indexes, and ${lines} folders`];
    });

const CHECKS: readonly Check[] = [
  environments,
  probes,
  ports,
  selectors,
  autoscaling,
  volumes,
  images,
  confinement,
  endings,
  secrets,
  jobs,
];

/** Return what does not fit, of all files together. */
export function fitFaults(objects: readonly Node[]): string[] {
  const pods = podsOf(objects);
  return CHECKS.flatMap((check) => check(objects, pods));
}
