/**
 * Kinds that are looked through for objects of ours beside those that a template has now: what a template had once and has
 * no longer must be found, or it would stay for ever. Other kinds are found by the workload's inventory, see `inventory.ts`.
 */
export const OWNED_KINDS: readonly string[] = [
  "/ConfigMap",
  "/PersistentVolumeClaim",
  "/Secret",
  "/Service",
  "/ServiceAccount",
  "apps/DaemonSet",
  "apps/Deployment",
  "apps/StatefulSet",
  "autoscaling/HorizontalPodAutoscaler",
  "batch/CronJob",
  "batch/Job",
  "networking.k8s.io/Ingress",
  "networking.k8s.io/NetworkPolicy",
  "policy/PodDisruptionBudget",
  "rbac.authorization.k8s.io/Role",
  "rbac.authorization.k8s.io/RoleBinding",
];
