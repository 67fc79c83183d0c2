/** Every format there is. A new one is a line here; the settings and the reference page follow from it. */
import type { Protocol } from "../../../src/model/service.ts";
import { autoFormat } from "./auto.ts";
import { dubboFormat } from "./dubbo.ts";
import { dubboMetadataFormat } from "./dubbo-metadata.ts";
import { type JsonMapping, jsonFormat } from "./json.ts";
import { membersFormat, readNerveMember, readServersetMember } from "./members.ts";
import { seedFormat } from "./seed.ts";
import { servicesFormat } from "./services.ts";
import type { Format } from "./types.ts";

export const FORMAT_NAMES = ["auto", "dubbo", "services", "serverset", "nerve", "apisix-seed", "json", "dubbo-metadata"] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

export interface FormatOptions {
  /** Where Dubbo applications keep their metadata. */
  readonly metadataRoot: string;
  /** Spoken by what does not say. */
  readonly protocol: Protocol;
  /** Of format `json`. */
  readonly fields: JsonMapping | undefined;
}

/** The format over one root. `json` without fields reads `host` and `port`. */
export function createFormat(name: FormatName, path: string, options: FormatOptions): Format {
  const root = path === "/" ? "" : path;
  const { protocol, metadataRoot } = options;
  switch (name) {
    case "dubbo":
      return dubboFormat(root);
    case "services":
      return servicesFormat(root, { metadataRoot });
    case "serverset":
      return membersFormat(root, { protocol, readMember: readServersetMember });
    case "nerve":
      return membersFormat(root, { protocol, readMember: readNerveMember });
    case "apisix-seed":
      return seedFormat(root, protocol);
    case "json":
      return jsonFormat(root, options.fields ?? { host: "host", port: "port" }, protocol);
    case "dubbo-metadata":
      return dubboMetadataFormat();
    case "auto":
      return autoFormat(root, (other) => createFormat(other, path, options));
  }
}
