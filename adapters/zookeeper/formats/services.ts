/**
 * `/services`, which Spring Cloud, plain Curator and Dubbo 3 all use: `root/<service>/<instance>` with Curator's JSON. Who
 * wrote an instance is told by its content, for each by itself: an application may be registered by both Spring and Dubbo.
 * Instances are directly below their service: names with folders in them (`/services/team/web/<id>`) are not known.
 */
import { readCurator, readCuratorService } from "./curator.ts";
import { isDubboInstance, readDubboApp } from "./dubbo-app.ts";
import { decoded } from "./records.ts";
import { wantsTwoLevels } from "./two-levels.ts";
import type { Format, ReadService, ZnodeView } from "./types.ts";

export interface ServicesOptions {
  /** Of Dubbo applications, e.g. `/dubbo/metadata`. */
  readonly metadataRoot: string;
}

/** `root` without a slash at its end. */
export function servicesFormat(root: string, { metadataRoot }: ServicesOptions): Format {
  return {
    wants: wantsTwoLevels,
    unitsOf: ([service]) => (service === undefined ? [] : [service]),
    units: (view) => view.children(root),
    read: (unit, view) => readService(`${root}/${unit}`, unit, { view, metadataRoot }),
  };
}

function readService(
  path: string,
  unit: string,
  { view, metadataRoot }: ServicesOptions & { readonly view: ZnodeView },
): readonly ReadService[] {
  if (view.stat(path) === undefined) return [];
  const children = view.children(path);
  const ofDubbo = new Set(children.filter((id) => isDubboInstance(readCurator(view.data(`${path}/${id}`)) ?? {})));
  const others = readCuratorService(
    path,
    children.filter((id) => !ofDubbo.has(id)),
    view,
  );
  if (ofDubbo.size === 0) return [{ scope: unit, name: decoded(unit), labels: {}, ...others }];
  const [app, ...interfaces] = readDubboApp(path, [...ofDubbo], view, metadataRoot);
  return [withOthers(app, others), ...interfaces];
}

/** The application with what is registered under its name by others. */
function withOthers(app: ReadService, { ports, instances, rejected }: ReturnType<typeof readCuratorService>): ReadService {
  const names = new Set(app.ports.map(({ name }) => name));
  return {
    ...app,
    ports: [...app.ports, ...ports.filter(({ name }) => !names.has(name))],
    instances: [...app.instances, ...instances],
    rejected: [...app.rejected, ...rejected],
  };
}
